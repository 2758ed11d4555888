"""Why a connection did not come about: a handshake of our own, since gRPC's texts change with its versions."""

import socket
import ssl
from pathlib import Path
from typing import Final

from fp_kernel import Error, FailedPrecondition
from fp_rpc.tls.trust import https_context

from fp_cli.address import host_of

_SECONDS: Final = 5.0
# Of OpenSSL (X509_V_ERR_*).
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_NAMES: Final = frozenset((62, 64))
_GIVE_AUTHORITY: Final = "give the file with its authority's certificate by --ca-file, or FP_CA_FILE"


def judged(address: str, ca_file: Path | None, *, plain: bool) -> Error | None:
    """The problem by its name; None when it is none of TLS, as when nothing listens."""
    host, port = host_of(address).strip("[]"), int(address.rpartition(":")[2])
    try:
        with socket.create_connection((host, port), timeout=_SECONDS) as connection:
            return _of_tls(connection, address) if plain else _of_certificate(connection, host, address, ca_file)
    except OSError:
        return None


def _of_tls(connection: socket.socket, address: str) -> Error | None:
    """Whether a server that got clear text wants TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing is sent; it is only asked
    try:
        context.wrap_socket(connection).close()
    except OSError:
        return None
    return _error(f"{address} speaks TLS", "TLS_REQUIRED", _GIVE_AUTHORITY)


def _of_certificate(connection: socket.socket, host: str, address: str, ca_file: Path | None) -> Error | None:
    try:
        https_context(ca_file).wrap_socket(connection, server_hostname=host).close()
    except ssl.SSLCertVerificationError as error:
        return _refused(error, host, address, ca_file)
    except (ssl.SSLError, ConnectionResetError):
        return _error(
            f"{address} speaks clear text, in which others read the password and the data",
            "PLAIN_TEXT_REFUSED",
            "have it speak TLS (`fp up --tls`), or allow clear text for this call with --insecure",
        )
    return None


def _refused(error: ssl.SSLCertVerificationError, host: str, address: str, ca_file: Path | None) -> Error:
    if error.verify_code == _EXPIRED:
        step = "have it renewed; `fp up --tls` renews by itself while it runs"
        return _error(f"the certificate of {address} has expired", "CERTIFICATE_EXPIRED", step)
    if error.verify_code == _NOT_YET_VALID:
        step = "compare the clocks of this machine and of the platform"
        return _error(f"the certificate of {address} is not valid yet", "CERTIFICATE_NOT_YET_VALID", step)
    if error.verify_code in _NAMES:
        step = "use an address that is in the certificate"
        return _error(f"the certificate of {address} is not for {host}", "CERTIFICATE_NAME_MISMATCH", step)
    trusted = "the authorities of this system" if ca_file is None else str(ca_file)
    step = _GIVE_AUTHORITY if ca_file is None else "is it the ca.crt of this platform? `fp up` prints where that is"
    return _error(f"the certificate of {address} is not of {trusted}", "CERTIFICATE_UNTRUSTED", step)


def _error(message: str, reason: str, step: str) -> Error:
    return FailedPrecondition(message, reason=reason, metadata={"next_step": step})
