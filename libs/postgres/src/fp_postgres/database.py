"""A service's database."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Literal

import asyncpg
from asyncpg import Record
from fp_kernel import Command
from fp_telemetry import span
from opentelemetry.trace import SpanKind

from fp_postgres.failures import connecting, translated
from fp_postgres.transaction import Transaction

Isolation = Literal["read_committed", "repeatable_read", "serializable"]

# Seconds. The server gives up before the client does, so that the client hears why.
_STATEMENT_SECONDS: Final = 30
_LOCK_SECONDS: Final = 10
_CONNECT_SECONDS: Final = 5.0
_ACQUIRE_SECONDS: Final = 5.0
_CLOSE_SECONDS: Final = 5.0


class Database:
    """A pool of connections; made by `Database.connect`.

    Errors: a lost connection, a full pool, a full disk or a time-out raises Unavailable; a lost race (serialisation,
    deadlock, lock time-out) raises Aborted. Constraint violations stay asyncpg's own: the adapter knows what they mean.
    """

    def __init__(self, url: str, pool: "asyncpg.Pool[Record]", source: str) -> None:
        self.source = source
        self._url = url
        self._pool = pool

    @classmethod
    async def connect(cls, url: str, *, source: str, max_size: int = 5) -> "Database":
        """Open the pool and one connection. source: the service's noun, on every event of its outbox.

        Raises Unavailable.
        """
        with connecting():
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=max_size,
                timeout=_CONNECT_SECONDS,
                command_timeout=_STATEMENT_SECONDS + 5,
                server_settings=server_settings(source),
            )
        return cls(url, pool, source)

    async def ping(self) -> None:
        """Raises Unavailable."""
        await self.fetchval("select 1")

    async def close(self) -> None:
        """Waits for running statements (bounded), then closes every connection."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def fetch(self, query: str, *arguments: Any) -> list[Record]:
        async with self._connection() as connection:
            found: list[Record] = await connection.fetch(query, *arguments)
            return found

    async def fetchrow(self, query: str, *arguments: Any) -> Record | None:
        async with self._connection() as connection:
            found: Record | None = await connection.fetchrow(query, *arguments)
            return found

    async def fetchval(self, query: str, *arguments: Any) -> Any:
        async with self._connection() as connection:
            return await connection.fetchval(query, *arguments)

    async def execute(self, query: str, *arguments: Any) -> str:
        async with self._connection() as connection:
            return str(await connection.execute(query, *arguments))

    async def executemany(self, query: str, arguments: Sequence[Sequence[Any]]) -> None:
        async with self._connection() as connection:
            await connection.executemany(query, arguments)

    @asynccontextmanager
    async def transaction(
        self, command: Command | None = None, *, isolation: Isolation = "read_committed"
    ) -> AsyncIterator[Transaction]:
        """State change, outbox, inbox and the command's answer: all or nothing.

        No RPC, publish or sleep belongs inside.
        command: with a key, the change happens once; `tx.complete(command, result)` must be called before the end.
        Raises Replayed with the first answer when the key was seen before (a concurrent twin waits for the first),
        InvalidArgument naming `idempotency_key` when it was seen with another body.
        """
        with span("postgres transaction", kind=SpanKind.CLIENT, attributes={"db.system.name": "postgresql"}):
            async with self._connection() as connection, connection.transaction(isolation=isolation):
                transaction = Transaction(connection, self.source, command)
                await transaction.begin()
                yield transaction
                await transaction.finish()

    async def connect_alone(self) -> "asyncpg.Connection[Record]":
        """A connection outside the pool, without statement time-out: for leases and LISTEN. The caller closes it."""
        settings = {"application_name": f"{self.source} lease"}
        with connecting():
            return await asyncpg.connect(self._url, timeout=_CONNECT_SECONDS, server_settings=settings)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        with connecting():
            connection = await self._pool.acquire(timeout=_ACQUIRE_SECONDS)
        try:
            with translated():
                yield connection
        finally:
            with connecting():
                await self._pool.release(connection)


def server_settings(source: str) -> dict[str, str]:
    return {
        "application_name": source,
        "statement_timeout": f"{_STATEMENT_SECONDS}s",
        "lock_timeout": f"{_LOCK_SECONDS}s",
        "idle_in_transaction_session_timeout": f"{_STATEMENT_SECONDS}s",
    }
