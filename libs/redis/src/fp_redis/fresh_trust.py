"""Connections by TLS that read the file of authorities each time they connect, and name a server that has no TLS."""

import asyncio
from collections.abc import Mapping
from typing import Any

from fp_kernel.trust import SpeaksNoTls
from redis.asyncio.connection import SSLConnection


class FreshTrust(SSLConnection):
    """The library's own reads it once in the life of a connection, which is kept and connects again."""

    def _connection_arguments(self) -> Mapping[str, Any]:
        self.ssl_context.context = None
        arguments: Mapping[str, Any] = super()._connection_arguments()
        return arguments

    async def _connect(self) -> None:
        try:
            await super()._connect()  # type: ignore[no-untyped-call]
        except TimeoutError:
            # A server without TLS takes the handshake for the beginning of a command and waits for its end.
            if await self._answers_in_clear():
                raise SpeaksNoTls from None
            raise

    async def _answers_in_clear(self) -> bool:
        """Asked by a command that any server answers, were it by a refusal."""
        try:
            async with asyncio.timeout(self.socket_connect_timeout):
                reader, writer = await asyncio.open_connection(self.host, self.port)
                try:
                    writer.write(b"PING\r\n")
                    return (await reader.read(1)) in {b"+", b"-"}
                finally:
                    writer.close()
        except OSError:
            return False
