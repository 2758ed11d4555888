from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest_asyncio
from fp_events import STREAMS, Event
from fp_postgres import Database
from fp_postgres.outbox_publisher import OutboxPublisher
from fp_testkit.memory_bus import MemoryBus
from fp_testkit.suites.transactions import TransactionsSuite


class Subject:
    """The real thing; what is published is seen as a relay would publish it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self, command=None) -> Any:
        return self._database.transaction(command)

    async def published(self) -> Sequence[Event]:
        bus = MemoryBus()
        await bus.ensure(STREAMS, ())
        async with self._database.dedicated(name="test") as connection:
            drain = OutboxPublisher(connection, bus, 7)
            while (await drain.step()).read:
                pass
        return bus.events


class TestDatabaseTransactions(TransactionsSuite):
    @pytest_asyncio.fixture
    async def transactions(self, database) -> AsyncIterator[Subject]:
        yield Subject(database)
