"""A client of NATS that gives its password to a server that it trusts, and to no other."""

import ssl
from pathlib import Path
from typing import Any

from fp_kernel.trust import SpeaksNoTls, client_context
from nats import errors
from nats.aio.client import Client


class NoTls(errors.Error, SpeaksNoTls):
    """As the library expects its failures."""


class SecureClient(Client):
    """authorities: file with those whose certificate the server must have, read anew for each connection; those that
    the system trusts when None.
    """

    def __init__(self, authorities: Path | None) -> None:
        super().__init__()
        self._authorities = authorities

    @property
    def ssl_context(self) -> ssl.SSLContext:
        return client_context(self._authorities)

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:  # noqa: FBT001, FBT002 -- the library's
        """The library would go on in clear text where the server, or who stands between, does not ask for TLS."""
        if initial_connection and not info.get("tls_required"):
            raise NoTls
        await super()._process_info(info, initial_connection)

    async def _process_connect_init(self) -> None:
        try:
            await super()._process_connect_init()
        except OSError:
            # In the middle of the handshake the library has nobody whom the end of the connection is told, and would
            # wait for that for ever.
            if self._transport is not None:
                self._transport.close()  # type: ignore[no-untyped-call]
                self._transport = None
            raise
