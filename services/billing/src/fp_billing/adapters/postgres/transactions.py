"""The stores of one transaction."""

from collections.abc import Iterable
from functools import partial

from fp_postgres import ConvertingOutbox, Database, DatabaseTransactions
from fp_postgres import Transaction as DatabaseTransaction

from fp_billing.adapters.events import to_event
from fp_billing.adapters.postgres.accounts import PostgresAccounts
from fp_billing.adapters.postgres.adjustments import PostgresAdjustments
from fp_billing.adapters.postgres.invoices import PostgresInvoices
from fp_billing.adapters.postgres.months import Months
from fp_billing.adapters.postgres.plans import PostgresPlans
from fp_billing.adapters.postgres.reconciliation import PostgresReconciliations
from fp_billing.adapters.postgres.storage import PostgresStorage
from fp_billing.adapters.postgres.usage import PostgresUsage


class PostgresTransaction:
    """`app.ports.Transaction`; made by `DatabaseTransactions`."""

    def __init__(self, transaction: DatabaseTransaction, months: Months) -> None:
        self._transaction = transaction
        self.accounts = PostgresAccounts(transaction)
        self.plans = PostgresPlans(transaction)
        self.usage = PostgresUsage(transaction, months)
        self.storage = PostgresStorage(transaction)
        self.invoices = PostgresInvoices(transaction)
        self.adjustments = PostgresAdjustments(transaction)
        self.reconciliations = PostgresReconciliations(transaction)
        self.outbox = ConvertingOutbox(transaction.outbox, to_event)

    async def fresh(self, consumer: str, event_ids: Iterable[str]) -> set[str]:
        return await self._transaction.inbox.fresh(consumer, event_ids)

    async def complete(self, result: object) -> None:
        await self._transaction.complete(result)


def postgres_transactions(database: Database, months: Months) -> DatabaseTransactions[PostgresTransaction]:
    """`app.ports.Transactions` on a database. months: of facts; see `Months.ensure`."""
    return DatabaseTransactions(database, partial(PostgresTransaction, months=months))
