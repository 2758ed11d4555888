"""One transaction: state, outbox, inbox and command together."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from asyncpg import Connection, Record
from fp_events import Event
from fp_kernel import Command


class Outbox:
    """Events that leave when the transaction commits."""

    def add(self, event: Event) -> None:
        """Keep the event with the change. The outbox gives it its sequence, source, correlation and trace."""
        raise NotImplementedError


class Inbox:
    """What this database has taken from the bus."""

    async def first(self, consumer: str, event_id: str) -> bool:
        """Note the event; False when its effect is here already. A concurrent twin waits for the first."""
        raise NotImplementedError

    async def fresh(self, consumer: str, event_ids: Iterable[str]) -> set[str]:
        """Note a batch; the ids whose effect is not here yet."""
        raise NotImplementedError


class Transaction:
    """Made by `Database.transaction`. `connection` is asyncpg's, for COPY and cursors."""

    connection: "Connection[Record]"
    outbox: Outbox
    inbox: Inbox

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

    async def complete(self, command: Command, result: object) -> None:
        """Keep `command.encode(result)` as the answer to every repetition; nothing for a command without key."""
        raise NotImplementedError


class UnitOfWork(Protocol):
    """What a use-case may rely on; `Transaction` and `MemoryTransaction` have it."""

    @property
    def outbox(self) -> Outbox: ...

    @property
    def inbox(self) -> Inbox: ...

    async def complete(self, command: Command, result: object) -> None: ...
