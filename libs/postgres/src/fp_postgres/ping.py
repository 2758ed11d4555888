"""Whether the database answers."""

import asyncio
from typing import TYPE_CHECKING, Any, Final

import asyncpg
from fp_kernel import Unavailable

from fp_postgres import connections
from fp_postgres.failures import translated

if TYPE_CHECKING:
    from asyncpg import Connection

_TIMEOUT: Final = 2.0  # seconds


class PingConnection:
    """One connection that does nothing but answer; made at the first ping, and again after one that failed."""

    def __init__(self, url: str, source: str) -> None:
        self._url = url
        self._name = f"{source} pulse"
        self._connection: Connection[Any] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._closed = False

    async def ping(self) -> None:
        """Raises Unavailable when there is no answer within two seconds."""
        with translated:
            async with asyncio.timeout(_TIMEOUT), self._one_at_a_time:
                await self._ping()

    async def _ping(self) -> None:
        if self._closed:
            raise Unavailable("the database is closed")
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await asyncpg.connect(
                    self._url, timeout=_TIMEOUT, server_settings={"application_name": self._name}
                )
            await self._connection.execute("select 1")
        except BaseException:
            # Also when it was cancelled: what it waited for would be the next ping's answer.
            if self._connection is not None:
                self._connection.terminate()
                self._connection = None
            raise

    async def close(self) -> None:
        self._closed = True
        if self._connection is not None:
            await connections.close(self._connection)
            self._connection = None
