"""One transaction: state, outbox, inbox and command together."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from asyncpg import Connection, Record
from fp_events import Event
from fp_kernel import Command

from fp_postgres import inbox, outbox
from fp_postgres.commands import CommandLog


class Outbox:
    """Events that leave when the transaction commits."""

    def __init__(self) -> None:
        self._events: list[Event] = []

    def add(self, event: Event) -> None:
        """Keep the event with the change. The outbox gives it its sequence, source, correlation and trace."""
        self._events.append(event)

    def take(self) -> list[Event]:
        """What was added since the last call; for whoever commits."""
        taken, self._events = self._events, []
        return taken


class Inbox(Protocol):
    """What this database has taken from the bus."""

    async def first(self, consumer: str, event_id: str) -> bool:
        """Note the event; False when its effect is here already. A concurrent twin waits for the first."""
        ...

    async def fresh(self, consumer: str, event_ids: Iterable[str]) -> set[str]:
        """Note a batch; the ids whose effect is not here yet."""
        ...


class Transaction:
    """Made by `Database.transaction`. `connection` is asyncpg's, for COPY and cursors."""

    def __init__(self, connection: "Connection[Record]", source: str, command: Command | None) -> None:
        self.connection = connection
        self.outbox = Outbox()
        self.inbox: Inbox = inbox.TableInbox(connection)
        self._source = source
        self._commands = CommandLog(connection, command)

    async def fetch(self, query: str, *arguments: Any) -> list[Record]:
        return await self.connection.fetch(query, *arguments)

    async def fetchrow(self, query: str, *arguments: Any) -> Record | None:
        return await self.connection.fetchrow(query, *arguments)

    async def fetchval(self, query: str, *arguments: Any) -> Any:
        return await self.connection.fetchval(query, *arguments)

    async def execute(self, query: str, *arguments: Any) -> str:
        return str(await self.connection.execute(query, *arguments))

    async def executemany(self, query: str, arguments: Sequence[Sequence[Any]]) -> None:
        await self.connection.executemany(query, arguments)

    async def complete(self, command: Command, result: object) -> None:
        """Keep `command.encode(result)` as the answer to every repetition; nothing for a command without key."""
        await self._commands.complete(command, result)

    async def begin(self) -> None:
        """Claim the command. Raises Replayed or InvalidArgument, see `Database.transaction`."""
        await self._commands.claim()

    async def finish(self) -> None:
        """Write the outbox; called once, before the commit."""
        self._commands.check_complete()
        await outbox.write(self.connection, self._source, self.outbox.take())


class UnitOfWork(Protocol):
    """What a use-case may rely on; `Transaction` and `MemoryTransaction` have it."""

    @property
    def outbox(self) -> Outbox: ...

    @property
    def inbox(self) -> Inbox: ...

    async def complete(self, command: Command, result: object) -> None: ...
