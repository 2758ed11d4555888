"""One transaction: state, outbox, inbox and command together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from fp_kernel import Command

from fp_postgres import idempotency
from fp_postgres.failures import translated
from fp_postgres.inbox import Inbox, PostgresInbox
from fp_postgres.outbox import Outbox, PostgresOutbox

if TYPE_CHECKING:
    from asyncpg import Record


class Connection(Protocol):
    """What a store needs to run statements: `Database` gives each its own connection, `Transaction` one for all."""

    async def fetch(self, query: str, *arguments: Any) -> "list[Record]": ...

    async def fetchrow(self, query: str, *arguments: Any) -> "Record | None": ...

    async def fetchval(self, query: str, *arguments: Any) -> Any: ...

    async def execute(self, query: str, *arguments: Any) -> str: ...

    async def executemany(self, query: str, arguments: Sequence[Sequence[Any]]) -> None: ...


class UnitOfWork(Protocol):
    """What a use-case may rely on; `Transaction` and `fp_testkit.memory_transactions.MemoryTransaction` have it."""

    @property
    def outbox(self) -> Outbox: ...

    @property
    def inbox(self) -> Inbox: ...

    async def complete(self, result: object) -> None: ...


class Transaction:
    """Made by `Database.transaction`. `connection` is asyncpg's, for COPY and cursors."""

    def __init__(self, connection: Any, source: str, command: Command | None) -> None:
        self.connection = connection
        self.outbox = PostgresOutbox(source)
        self.inbox = PostgresInbox(connection)
        self._command = command if command is not None and command.key else None
        self._completed = False

    async def fetch(self, query: str, *arguments: Any) -> "list[Record]":
        with translated:
            rows: list[Record] = await self.connection.fetch(query, *arguments)
            return rows

    async def fetchrow(self, query: str, *arguments: Any) -> "Record | None":
        with translated:
            row: Record | None = await self.connection.fetchrow(query, *arguments)
            return row

    async def fetchval(self, query: str, *arguments: Any) -> Any:
        with translated:
            return await self.connection.fetchval(query, *arguments)

    async def execute(self, query: str, *arguments: Any) -> str:
        with translated:
            status: str = await self.connection.execute(query, *arguments)
            return status

    async def executemany(self, query: str, arguments: Sequence[Sequence[Any]]) -> None:
        with translated:
            await self.connection.executemany(query, arguments)

    async def complete(self, result: object) -> None:
        """Store `command.encode(result)` as the answer to every repetition; nothing without a key."""
        if self._command is None:
            return
        with translated:
            await idempotency.complete(self.connection, self._command, self._command.encode(result))
        self._completed = True

    async def claim(self) -> None:
        """First thing in the transaction; see `Database.transaction` for what it raises."""
        if self._command is not None:
            await idempotency.claim(self.connection, self._command)

    async def finish(self, *, notify: bool) -> None:
        """Last thing before the commit. notify: wake a relay in another process."""
        idempotency.check_complete(self._command, completed=self._completed)
        if self.outbox:
            await self.outbox.write(self.connection, notify=notify)
