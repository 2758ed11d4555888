"""Changes in Postgres."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from fp_kernel import Command
from fp_postgres import Database
from fp_postgres import Transaction as PostgresTransaction

from fp_notification.adapters.events import to_event
from fp_notification.adapters.postgres import deliveries, recipients
from fp_notification.adapters.postgres.reads import UNREAD
from fp_notification.adapters.postgres.rows import ATTEMPT, NOTIFICATION, of_notification, to_attempt, to_notification
from fp_notification.app.ports import Lease, Member
from fp_notification.domain.breaker import BreakerPolicy
from fp_notification.domain.events import DomainEvent
from fp_notification.domain.notifications import Attempt, Notification, Status
from fp_notification.domain.recipients import Channel, ChannelSetting, Recipient

CONSUMER = "notification"
_NO_COMMAND = Command("", "", "", b"", lambda _: b"")

_ADD = """
INSERT INTO notifications (id, team, recipient, kind, event_id, event_type, source, resource_id, severity, title, body,
                           channels, in_app, created_at, correlation_id, trace)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT ON CONSTRAINT notifications_once DO NOTHING
"""
_TOLD = f"SELECT {NOTIFICATION} FROM notifications n WHERE n.team = $1 AND n.recipient = $2 AND n.event_id = $3"  # noqa: S608 -- a constant
_RECORD = """
INSERT INTO attempts (id, team, recipient, kind, notification_id, channel, status, number, response_code, error,
                      attempted_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
_LAST = f"SELECT {ATTEMPT} FROM attempts WHERE notification_id = $1 AND channel = $2 ORDER BY id DESC LIMIT 1"  # noqa: S608 -- a constant
_READ = """
UPDATE notifications SET read_at = $3
WHERE team = $1 AND recipient = $2 AND in_app AND read_at IS NULL AND ($4::uuid[] IS NULL OR id = ANY ($4))
"""


class PostgresTransactions:
    """`app.ports.Transactions` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def __call__(self, command: Command | None = None) -> AsyncIterator["NotificationTransaction"]:
        async with self._database.transaction(command) as tx:
            yield NotificationTransaction(tx, command or _NO_COMMAND)


class NotificationTransaction:
    """`app.ports.Transaction`; made by `PostgresTransactions`."""

    def __init__(self, tx: PostgresTransaction, command: Command) -> None:
        self._tx = tx
        self._command = command

    async def fresh(self, event_ids: Iterable[str]) -> set[str]:
        return await self._tx.inbox.fresh(CONSUMER, event_ids)

    async def add_members(self, members: Sequence[Member]) -> None:
        await recipients.add_members(self._tx, members)

    async def hold(self, team: str, recipient: str) -> Recipient | None:
        return await recipients.hold(self._tx, team, recipient)

    async def save(self, recipient: Recipient) -> None:
        await recipients.save(self._tx, recipient)

    async def rules(self, team: str) -> int:
        return int(await self._tx.fetchval("SELECT count(*) FROM recipients WHERE team = $1 AND kind = 'RULE'", team))

    async def add_rule(self, rule: Recipient) -> bool:
        return await recipients.add_rule(self._tx, rule)

    async def delete_rule(self, team: str, rule_id: str) -> bool:
        return await recipients.delete_rule(self._tx, team, rule_id)

    async def add_notification(self, notification: Notification) -> bool:
        return await self._tx.execute(_ADD, *of_notification(notification)) == "INSERT 0 1"

    async def add_delivery(self, notification: Notification, channel: Channel, *, due_in: float) -> None:
        await deliveries.add(self._tx, notification, channel, due_in)

    async def told(self, team: str, recipient: str, event_id: str) -> Notification | None:
        row = await self._tx.fetchrow(_TOLD, team, recipient, event_id)
        return to_notification(row) if row else None

    async def record(self, notification: Notification, attempt: Attempt) -> None:
        await self._tx.execute(
            _RECORD,
            attempt.id,
            notification.team,
            notification.recipient,
            notification.kind,
            notification.id,
            attempt.channel,
            attempt.status,
            attempt.number,
            attempt.response_code,
            attempt.error,
            attempt.at,
        )

    async def last_attempt(self, notification: Notification, channel: Channel) -> Attempt | None:
        row = await self._tx.fetchrow(_LAST, notification.id, channel)
        return to_attempt(row) if row else None

    async def take(self, notification: Notification, channel: Channel, seconds: float) -> Lease | None:
        return await deliveries.take(self._tx, notification, channel, seconds)

    async def close(self, lease: Lease, status: Status, pause: float) -> None:
        await deliveries.close(self._tx, lease, status, pause)

    async def switch_off(self, notification: Notification, setting: ChannelSetting, reason: str) -> None:
        await recipients.switch_off(self._tx, notification.team, notification.recipient, setting, reason)

    async def spare(self, lease: Lease, policy: BreakerPolicy) -> None:
        await deliveries.spare(self._tx, lease, policy)

    async def trust(self, lease: Lease) -> None:
        await deliveries.trust(self._tx, lease)

    async def mark_read(self, team: str, user_id: str, ids: Collection[str] | None, now: datetime) -> int:
        status = await self._tx.execute(_READ, team, user_id, now, None if ids is None else list(ids))
        return int(status.removeprefix("UPDATE "))

    async def unread(self, team: str, user_id: str) -> int:
        return int(await self._tx.fetchval(UNREAD, team, user_id))

    def emit(self, event: DomainEvent) -> None:
        self._tx.outbox.add(to_event(event))

    async def complete(self, result: object) -> None:
        await self._tx.complete(self._command, result)
