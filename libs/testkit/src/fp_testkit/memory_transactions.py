"""Transactions in memory, for unit tests of use-cases; they pass `suites.transactions.TransactionsSuite`."""

import asyncio
import copy
from collections.abc import AsyncIterator, Iterable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from fp_events import Event, encode
from fp_events.publisher.origin import attributed
from fp_kernel import Command, Replayed
from fp_postgres.idempotency import check_complete, refuse_other


class MemoryOutbox:
    def __init__(self, source: str) -> None:
        self.events: list[Event] = []
        self._source = source

    def add(self, event: Event) -> None:
        complete = attributed(event, self._source)
        encode(complete)
        self.events.append(complete)


class MemoryInbox:
    def __init__(self, seen: set[tuple[str, str]]) -> None:
        self.seen = seen

    async def first(self, consumer: str, event_id: str) -> bool:
        return bool(await self.fresh(consumer, [event_id]))

    async def fresh(self, consumer: str, event_ids: Iterable[str]) -> set[str]:
        new = {event_id for event_id in event_ids if (consumer, event_id) not in self.seen}
        self.seen.update((consumer, event_id) for event_id in new)
        return new


class MemoryTransaction:
    """See `fp_postgres.Transaction`."""

    def __init__(self, source: str, seen: set[tuple[str, str]], command: Command | None) -> None:
        self.outbox = MemoryOutbox(source)
        self.inbox = MemoryInbox(seen)
        self.response: bytes | None = None
        self._command = command if command is not None and command.key else None

    async def complete(self, result: object) -> None:
        """See `fp_postgres.Transaction.complete`."""
        if self._command is not None:
            self.response = self._command.encode(result)

    def finish(self) -> None:
        check_complete(self._command, completed=self.response is not None)


class MemoryTransactions:
    """As `fp_postgres.Database.transaction`; transactions run one after the other.

    stores: the fakes' own state; put back as it was when a transaction fails. Their values are frozen, or lists, dicts
    and sets of what is frozen: a copy of everything at each transaction takes longer than all else in a test.
    events: what committed transactions left in the outbox, in order.
    """

    def __init__(self, *stores: MutableMapping[Any, Any], source: str = "test") -> None:
        self.events: list[Event] = []
        self._stores = stores
        self._source = source
        self._seen: set[tuple[str, str]] = set()
        self._sequences: dict[str, int] = {}
        self._commands: dict[tuple[str, str, str], tuple[bytes, bytes]] = {}
        self._one_at_a_time = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self, command: Command | None = None) -> AsyncIterator[MemoryTransaction]:
        """See `Database.transaction`."""
        async with self._one_at_a_time:
            self._claim(command)
            before = [_snapshot(store) for store in self._stores]
            tx = MemoryTransaction(self._source, set(self._seen), command)
            try:
                yield tx
                tx.finish()
            except BaseException:
                for store, contents in zip(self._stores, before, strict=True):
                    store.clear()
                    store.update(contents)
                raise
            self._commit(tx, command)

    def _claim(self, command: Command | None) -> None:
        if command is None or not (stored := self._commands.get((command.team, command.rpc, command.key))):
            return
        fingerprint, response = stored
        refuse_other(command, fingerprint)
        raise Replayed(response)

    def _commit(self, tx: MemoryTransaction, command: Command | None) -> None:
        for event in tx.outbox.events:
            sequence = self._sequences.get(event.resource_id, 0) + 1
            self._sequences[event.resource_id] = sequence
            self.events.append(replace(event, sequence=sequence))
        self._seen = tx.inbox.seen
        if command is not None and tx.response is not None:
            self._commands[command.team, command.rpc, command.key] = (command.fingerprint, tx.response)


def _snapshot(store: MutableMapping[Any, Any]) -> dict[Any, Any]:
    return {key: copy.copy(value) if isinstance(value, list | dict | set) else value for key, value in store.items()}
