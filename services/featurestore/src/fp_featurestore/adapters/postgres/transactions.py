"""The stores of one transaction."""

from fp_postgres import ConvertingOutbox
from fp_postgres import Transaction as DatabaseTransaction

from fp_featurestore.adapters.events import to_event
from fp_featurestore.adapters.postgres.log import PostgresLogWriter
from fp_featurestore.adapters.postgres.views import PostgresViewNames


class PostgresTransaction:
    """`app.ports.Transaction`; made by `DatabaseTransactions`."""

    def __init__(self, transaction: DatabaseTransaction) -> None:
        self._transaction = transaction
        self.names = PostgresViewNames(transaction)
        self.log = PostgresLogWriter(transaction)
        self.outbox = ConvertingOutbox(transaction.outbox, to_event)

    async def complete(self, result: object) -> None:
        await self._transaction.complete(result)
