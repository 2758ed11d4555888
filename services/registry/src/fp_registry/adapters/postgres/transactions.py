"""The stores of one transaction."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fp_kernel import NO_COMMAND, Command
from fp_postgres import ConvertingOutbox, Database
from fp_postgres import Transaction as DatabaseTransaction

from fp_registry.adapters.events import to_event
from fp_registry.adapters.postgres.changes import PostgresUnprojected
from fp_registry.adapters.postgres.contents import PostgresContents
from fp_registry.adapters.postgres.models import PostgresModels
from fp_registry.adapters.postgres.pending_uploads import PostgresPendingUploads
from fp_registry.adapters.postgres.tenures import PostgresTenures
from fp_registry.adapters.postgres.versions import PostgresVersions


class PostgresTransaction:
    """`app.ports.Transaction`; made by `PostgresTransactions`."""

    def __init__(self, transaction: DatabaseTransaction, command: Command) -> None:
        self._transaction = transaction
        self._command = command
        self.models = PostgresModels(transaction)
        self.versions = PostgresVersions(transaction)
        self.tenures = PostgresTenures(transaction)
        self.uploads = PostgresPendingUploads(transaction)
        self.contents = PostgresContents(transaction)
        self.unprojected = PostgresUnprojected(transaction)
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
