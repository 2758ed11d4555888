"""The stores of one transaction."""

from fp_postgres import ConvertingOutbox
from fp_postgres import Transaction as DatabaseTransaction

from fp_registry.adapters.events import to_event
from fp_registry.adapters.postgres.changes import PostgresUnprojected
from fp_registry.adapters.postgres.contents import PostgresContents
from fp_registry.adapters.postgres.models import PostgresModels
from fp_registry.adapters.postgres.pending_uploads import PostgresPendingUploads
from fp_registry.adapters.postgres.tenures import PostgresTenures
from fp_registry.adapters.postgres.versions import PostgresVersions


class PostgresTransaction:
    """`app.ports.Transaction`; made by `DatabaseTransactions`."""

    def __init__(self, transaction: DatabaseTransaction) -> None:
        self._transaction = transaction
        self.models = PostgresModels(transaction)
        self.versions = PostgresVersions(transaction)
        self.tenures = PostgresTenures(transaction)
        self.uploads = PostgresPendingUploads(transaction)
        self.contents = PostgresContents(transaction)
        self.unprojected = PostgresUnprojected(transaction)
        self.outbox = ConvertingOutbox(transaction.outbox, to_event)

    async def complete(self, result: object) -> None:
        await self._transaction.complete(result)
