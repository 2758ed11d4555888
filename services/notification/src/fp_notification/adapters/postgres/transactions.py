"""Transactions: every store of notification on one connection."""

from collections.abc import Iterable

from fp_postgres import ConvertingOutbox
from fp_postgres import Transaction as DatabaseTransaction

from fp_notification.adapters.events import to_event
from fp_notification.adapters.postgres.attempts import PostgresAttempts
from fp_notification.adapters.postgres.deliveries import PostgresDeliveries
from fp_notification.adapters.postgres.notifications import PostgresNotifications
from fp_notification.adapters.postgres.recipients import PostgresRecipients

CONSUMER = "notification"


class PostgresInbox:
    def __init__(self, transaction: DatabaseTransaction) -> None:
        self._transaction = transaction

    async def fresh(self, event_ids: Iterable[str]) -> set[str]:
        return await self._transaction.inbox.fresh(CONSUMER, event_ids)


class PostgresTransaction:
    """`app.ports.Transaction`; made by `DatabaseTransactions`."""

    def __init__(self, transaction: DatabaseTransaction) -> None:
        self.inbox = PostgresInbox(transaction)
        self.recipients = PostgresRecipients(transaction)
        self.notifications = PostgresNotifications(transaction)
        self.deliveries = PostgresDeliveries(transaction)
        self.attempts = PostgresAttempts(transaction)
        self.outbox = ConvertingOutbox(transaction.outbox, to_event)
        self._transaction = transaction

    async def complete(self, result: object) -> None:
        await self._transaction.complete(result)
