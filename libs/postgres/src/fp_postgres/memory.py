"""Transactions in memory, for unit tests of use-cases."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from fp_events import Event, encode
from fp_kernel import Command

from fp_postgres import outbox
from fp_postgres.commands import incomplete, replay
from fp_postgres.transaction import Inbox, Outbox


class MemoryTransaction:
    """See `transaction.Transaction`."""

    def __init__(self, inbox: Inbox, command: Command | None) -> None:
        self.outbox = Outbox()
        self.inbox = inbox
        self.command = command if command is not None and command.key else None
        self.answer: bytes | None = None

    async def complete(self, command: Command, result: object) -> None:
        if command.key:
            self.answer = command.encode(result)


class _MemoryInbox:
    def __init__(self, rows: set[tuple[str, str]]) -> None:
        self._rows = rows

    async def first(self, consumer: str, event_id: str) -> bool:
        return bool(await self.fresh(consumer, [event_id]))

    async def fresh(self, consumer: str, event_ids: Iterable[str]) -> set[str]:
        new = {event_id for event_id in event_ids if (consumer, event_id) not in self._rows}
        self._rows |= {(consumer, event_id) for event_id in new}
        return new


class MemoryTransactions:
    """Keeps the promises of `Database.transaction`; transactions run one after the other.

    stores: the fakes' own state; put back as it was when a transaction fails.
    """

    def __init__(self, *stores: MutableMapping[Any, Any], source: str = "test") -> None:
        self.events: list[Event] = []
        """What committed transactions left in the outbox, in order."""
        self._stores = stores
        self._source = source
        self._turn = asyncio.Lock()
        self._inbox: set[tuple[str, str]] = set()
        self._commands: dict[tuple[str, str, str], tuple[bytes, bytes | None]] = {}
        self._sequences: Counter[str] = Counter()

    @asynccontextmanager
    async def transaction(self, command: Command | None = None) -> AsyncIterator[MemoryTransaction]:
        async with self._turn:
            before = [dict(store) for store in self._stores]
            inbox = set(self._inbox)
            transaction = MemoryTransaction(_MemoryInbox(inbox), command)
            self._claim(transaction.command)
            try:
                yield transaction
                self._commit(transaction, inbox)
            except BaseException:
                for store, old in zip(self._stores, before, strict=True):
                    store.clear()
                    store.update(old)
                raise

    def _claim(self, command: Command | None) -> None:
        if command is None:
            return
        known = self._commands.get((command.team, command.rpc, command.key))
        if known is not None:
            raise replay(command, *known)

    def _commit(self, transaction: MemoryTransaction, inbox: set[tuple[str, str]]) -> None:
        command = transaction.command
        if command is not None and transaction.answer is None:
            raise incomplete(command)
        events = transaction.outbox.take()
        for event in events:
            # An event that cannot be encoded fails here as it does at the database.
            encode(event)
        self._sequences.update(event.resource_id for event in events)
        self.events += outbox.complete(events, self._source, self._sequences)
        self._inbox = inbox
        if command is not None:
            self._commands[command.team, command.rpc, command.key] = (command.fingerprint, transaction.answer)
