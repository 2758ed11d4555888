"""The stores of one transaction."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fp_kernel import Command
from fp_postgres import ConvertingOutbox, Database, Transaction

from fp_experiment.adapters.events import to_event
from fp_experiment.adapters.postgres.experiments import PostgresExperiments
from fp_experiment.adapters.postgres.lineage import PostgresLineage
from fp_experiment.adapters.postgres.runs import PostgresRuns


class PostgresTransaction:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.experiments = PostgresExperiments(transaction)
        self.runs = PostgresRuns(transaction)
        self.lineage = PostgresLineage(transaction)
        self.outbox = ConvertingOutbox(transaction.outbox, to_event)

    async def complete(self, command: Command, result: object) -> None:
        await self._transaction.complete(command, result)


class PostgresTransactions:
    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def __call__(self, command: Command) -> AsyncIterator[PostgresTransaction]:
        async with self._database.transaction(command) as transaction:
            yield PostgresTransaction(transaction)
