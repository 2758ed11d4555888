"""How the platform is spoken to: by TLS, or in clear text where nobody can listen."""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fp_kernel import Error, FailedPrecondition, invalid

from fp_cli.address import host_of, is_loopback
from fp_cli.context import Context
from fp_cli.output import State

if TYPE_CHECKING:
    import grpc


@dataclass(frozen=True, slots=True)
class Transport:
    """address: host:port. ca_file: of the authority to trust; None for those of the system. plain: clear text."""

    address: str
    ca_file: Path | None = None
    plain: bool = False

    def channel(self, options: tuple[tuple[str, int], ...]) -> "grpc.Channel":
        import grpc
        from fp_rpc.tls.trust import roots

        if self.plain:
            return grpc.insecure_channel(self.address, options=options)
        return grpc.secure_channel(self.address, grpc.ssl_channel_credentials(roots(self.ca_file)), options=options)

    def trusted(self, url: str) -> ssl.SSLContext:
        """For a URL that the platform hands out."""
        return trusted(url, self.ca_file)

    def problem(self, error: Error) -> Error:
        """What is wrong with the connection, where it is TLS; else the error itself."""
        from fp_cli.handshake import judged

        return judged(self.address, self.ca_file, plain=self.plain) or error


def trusted(url: str, ca_file: Path | None = None) -> ssl.SSLContext:
    """Nobody where the URL is in clear text: to read the machine's authorities takes 40 ms of processor time."""
    from fp_rpc.tls.trust import https_context

    in_clear = url.lower().startswith("http:")
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if in_clear else https_context(ca_file)


def chosen(state: State, context: Context) -> Transport:
    """`--ca-file`, else the context's where it is of this address; clear text only to this machine or by `--insecure`.

    Raises FailedPrecondition when no address is known, InvalidArgument for a file without certificates.
    """
    address = state.address or context.address
    if not address:
        raise FailedPrecondition(
            "no platform is known here",
            metadata={"next_step": "start one with `fp up`, or give --address or FP_ADDRESS"},
        )
    file = state.ca_file or (context.ca_file if address == context.address else "")
    if file:
        return Transport(address, _checked(Path(file)))
    return Transport(address, plain=state.insecure or is_loopback(host_of(address)))


def remembered(transport: Transport) -> str:
    """For the context: the same from every folder. `--insecure` is not remembered."""
    return os.path.abspath(transport.ca_file) if transport.ca_file is not None else ""  # noqa: PTH100 -- no link followed


def _checked(file: Path) -> Path:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except ssl.SSLError:
        raise invalid("ca-file", f"{file} holds no certificate in PEM") from None
    except OSError as error:
        raise invalid("ca-file", f"{file}: {error.strerror}") from None
    return file
