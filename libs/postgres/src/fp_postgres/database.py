"""A service's database."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

from asyncpg.exceptions import InternalClientError
from fp_kernel import Command, Unavailable
from fp_telemetry import span
from opentelemetry.trace import SpanKind

from fp_postgres import connections
from fp_postgres.failures import translated, translated_body
from fp_postgres.ping import PingConnection
from fp_postgres.transaction import Transaction
from fp_postgres.wakeup import Wakeup

if TYPE_CHECKING:
    from asyncpg import Connection, Pool, Record

Stores = TypeVar("Stores")
Isolation = Literal["read_committed", "repeatable_read", "serializable"]

_BEGIN: Final = {
    "read_committed": "begin",
    "repeatable_read": "begin isolation level repeatable read",
    "serializable": "begin isolation level serializable",
}
_ROLLBACK: Final = 2.0  # seconds
_WAIT: Final = 5.0  # seconds for a connection of the pool


class Database:
    """A pool of connections; made by `Database.connect`.

    Errors: a lost connection, a full pool or a time-out raises Unavailable; a lost race (serialisation, deadlock, lock
    time-out) raises Aborted. Constraint violations stay asyncpg's own: the adapter knows what they mean.
    """

    def __init__(self, pool: "Pool[Record]", url: str, source: str) -> None:
        self.source = source
        self.wakeup = Wakeup()
        self._pool = pool
        self._url = url
        self._ping_connection = PingConnection(url, source)

    @classmethod
    async def connect(cls, url: str, *, source: str, max_size: int = 5) -> "Database":
        """Open the pool and one connection. source: the service's noun, on every event of its outbox.

        Raises Unavailable.
        """
        return cls(await connections.open_pool(url, source=source, max_size=max_size), url, source)

    async def ping(self) -> None:
        """Raises Unavailable when there is no answer within two seconds.

        On a connection of its own: while every one of the pool is at work the database is not away, and a replica that
        said so would hand its load to the next one, which falls too.
        """
        await self._ping_connection.ping()

    async def close(self) -> None:
        """Waits for running statements (bounded), then closes every connection."""
        await self._ping_connection.close()
        try:
            async with asyncio.timeout(connections.CLOSE_TIMEOUT):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def fetch(self, query: str, *arguments: Any) -> "list[Record]":
        with translated:
            async with self._connection() as connection:
                rows: list[Record] = await connection.fetch(query, *arguments)
                return rows

    async def fetchrow(self, query: str, *arguments: Any) -> "Record | None":
        with translated:
            async with self._connection() as connection:
                row: Record | None = await connection.fetchrow(query, *arguments)
                return row

    async def fetchval(self, query: str, *arguments: Any) -> Any:
        with translated:
            async with self._connection() as connection:
                return await connection.fetchval(query, *arguments)

    async def execute(self, query: str, *arguments: Any) -> str:
        with translated:
            async with self._connection() as connection:
                status: str = await connection.execute(query, *arguments)
                return status

    async def executemany(self, query: str, arguments: Sequence[Sequence[Any]]) -> None:
        """All rows or none."""
        with translated:
            async with self._connection() as connection:
                await connection.executemany(query, arguments)

    @asynccontextmanager
    async def transaction(
        self, command: Command | None = None, *, isolation: Isolation = "read_committed"
    ) -> AsyncIterator[Transaction]:
        """State change, outbox, inbox and the command's answer: all or nothing.

        No RPC, publish or sleep belongs inside.
        command: with a key, the change happens once; `tx.complete(result)` must be called before the end.
        Raises Replayed with the first answer when the key was seen before (a concurrent twin waits for the first),
        InvalidArgument naming `idempotency_key` when it was seen with another body.
        """
        with span("postgres transaction", kind=SpanKind.CLIENT, attributes={"db.system.name": "postgresql"}):
            async with self._connection() as connection, self._begun(connection, command, isolation) as tx:
                yield tx

    @asynccontextmanager
    async def _begun(
        self, connection: Any, command: Command | None, isolation: Isolation
    ) -> AsyncIterator[Transaction]:
        with translated:
            await connection.execute(_BEGIN[isolation])
        notify = False
        try:
            tx = Transaction(connection, self.source, command)
            with translated:
                await tx.claim()
            yield tx
            grew = bool(tx.outbox)
            notify = grew and self.wakeup.must_notify
            with translated:
                await tx.finish(notify=notify)
                await connection.execute("commit")
        except BaseException:
            await _roll_back(connection)
            raise
        if grew:
            self.wakeup.committed(notified=notify)

    def dedicated(self, *, name: str) -> "AbstractAsyncContextManager[Connection[Record]]":
        """One connection outside the pool, for session locks and LISTEN. Raises Unavailable."""
        return connections.dedicated(self._url, name=f"{self.source} {name}")

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        connection = await self._acquired()
        try:
            with translated_body:
                yield connection
        except Unavailable as error:
            if isinstance(error.__cause__, InternalClientError):
                connection.terminate()
            raise
        finally:
            with translated:
                await self._pool.release(connection)

    async def _acquired(self) -> Any:
        with translated:
            try:
                return await self._pool.acquire(timeout=_WAIT)
            except TimeoutError:
                raise Unavailable("every connection to the database is in use", retry_after=1.0) from None


async def _roll_back(connection: Any) -> None:
    """Back to a clean connection; one that cannot be cleaned is cut, and the pool makes another."""
    if connection.is_closed():
        return
    try:
        async with asyncio.timeout(_ROLLBACK):
            await connection.execute("rollback")
    except Exception:  # noqa: BLE001 -- the error that led here is the one to raise
        connection.terminate()


class DatabaseTransactions(Generic[Stores]):
    """Transactions as use-cases take them. stores: makes of one transaction what a use-case may do in it."""

    def __init__(self, database: Database, stores: Callable[[Transaction], Stores]) -> None:
        self._database = database
        self._stores = stores

    @asynccontextmanager
    async def __call__(self, command: Command | None = None) -> AsyncIterator[Stores]:
        """See `Database.transaction`."""
        async with self._database.transaction(command) as transaction:
            yield self._stores(transaction)
