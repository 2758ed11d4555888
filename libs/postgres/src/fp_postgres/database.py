"""A service's database."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

from asyncpg import Record
from fp_kernel import Command

from fp_postgres.transaction import Transaction

Isolation = Literal["read_committed", "repeatable_read", "serializable"]


class Database:
    """A pool of connections; made by `Database.connect`.

    Errors: a lost connection, a full pool or a time-out raises Unavailable; a lost race (serialisation, deadlock, lock
    time-out) raises Aborted. Constraint violations stay asyncpg's own: the adapter knows what they mean.
    """

    def __init__(self, source: str) -> None:
        self.source = source

    @classmethod
    async def connect(cls, url: str, *, source: str, max_size: int = 5) -> "Database":
        """Open the pool and one connection. source: the service's noun, on every event of its outbox.

        Raises Unavailable.
        """
        raise NotImplementedError

    async def ping(self) -> None:
        """Raises Unavailable."""
        raise NotImplementedError

    async def close(self) -> None:
        """Waits for running statements (bounded), then closes every connection."""
        raise NotImplementedError

    async def fetch(self, query: str, *arguments: Any) -> list[Record]:
        raise NotImplementedError

    async def fetchrow(self, query: str, *arguments: Any) -> Record | None:
        raise NotImplementedError

    async def fetchval(self, query: str, *arguments: Any) -> Any:
        raise NotImplementedError

    async def execute(self, query: str, *arguments: Any) -> str:
        raise NotImplementedError

    async def executemany(self, query: str, arguments: Sequence[Sequence[Any]]) -> None:
        raise NotImplementedError

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
        raise NotImplementedError
        yield
