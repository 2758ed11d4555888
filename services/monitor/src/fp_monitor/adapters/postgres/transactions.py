"""The stores of one transaction."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from fp_kernel import Command
from fp_postgres import ConvertingOutbox, Database
from fp_postgres import Transaction as DatabaseTransaction

from fp_monitor.adapters.events import to_event
from fp_monitor.adapters.postgres.baselines import PostgresBaselines
from fp_monitor.adapters.postgres.gaps import PostgresGaps
from fp_monitor.adapters.postgres.monitors import PostgresMonitors
from fp_monitor.adapters.postgres.outcomes import PostgresOutcomes
from fp_monitor.adapters.postgres.predictions import PostgresPredictions
from fp_monitor.adapters.postgres.quality import PostgresQuality
from fp_monitor.adapters.postgres.reports import PostgresReports
from fp_monitor.adapters.postgres.windows import PostgresWindows


class PostgresTransaction:
    def __init__(self, transaction: DatabaseTransaction) -> None:
        self._transaction = transaction
        self.monitors = PostgresMonitors(transaction)
        self.baselines = PostgresBaselines(transaction)
        self.windows = PostgresWindows(transaction)
        self.predictions = PostgresPredictions(transaction)
        self.outcomes = PostgresOutcomes(transaction)
        self.quality = PostgresQuality(transaction)
        self.gaps = PostgresGaps(transaction)
        self.reports = PostgresReports(transaction)
        self.outbox = ConvertingOutbox(transaction.outbox, to_event)

    async def fresh(self, consumer: str, event_ids: Iterable[str]) -> set[str]:
        return await self._transaction.inbox.fresh(consumer, event_ids)

    async def complete(self, result: object) -> None:
        await self._transaction.complete(result)


class PostgresTransactions:
    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def __call__(self, command: Command | None = None) -> AsyncIterator[PostgresTransaction]:
        async with self._database.transaction(command) as transaction:
            stores = PostgresTransaction(transaction)
            yield stores
            await stores.reports.place()
