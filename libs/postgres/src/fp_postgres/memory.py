"""Transactions in memory, for unit tests of use-cases."""

from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from fp_events import Event
from fp_kernel import Command

from fp_postgres.transaction import Inbox, Outbox


class MemoryTransaction:
    outbox: Outbox
    inbox: Inbox

    async def complete(self, command: Command, result: object) -> None:
        raise NotImplementedError


class MemoryTransactions:
    """Keeps the promises of `Database.transaction`; transactions run one after the other.

    stores: the fakes' own state; put back as it was when a transaction fails.
    """

    def __init__(self, *stores: MutableMapping[Any, Any], source: str = "test") -> None:
        self.events: list[Event] = []
        """What committed transactions left in the outbox, in order."""

    @asynccontextmanager
    async def transaction(self, command: Command | None = None) -> AsyncIterator[MemoryTransaction]:
        raise NotImplementedError
        yield
