"""The stores of one transaction."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fp_kernel import NO_COMMAND, Command
from fp_postgres import ConvertingOutbox, Database
from fp_postgres import Transaction as DatabaseTransaction

from fp_featurestore.adapters.events import to_event
from fp_featurestore.adapters.postgres.log import PostgresLogWriter
from fp_featurestore.adapters.postgres.views import PostgresViewNames


class PostgresTransaction:
    """`app.ports.Transaction`; made by `PostgresTransactions`."""

    def __init__(self, transaction: DatabaseTransaction, command: Command) -> None:
        self._transaction = transaction
        self._command = command
        self.names = PostgresViewNames(transaction)
        self.log = PostgresLogWriter(transaction)
        self.outbox = ConvertingOutbox(transaction.outbox, to_event)

    async def complete(self, result: object) -> None:
        await self._transaction.complete(self._command, result)


class PostgresTransactions:
    """`app.ports.Transactions` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def __call__(self, command: Command | None = None) -> AsyncIterator[PostgresTransaction]:
        async with self._database.transaction(command) as transaction:
            yield PostgresTransaction(transaction, command or NO_COMMAND)
