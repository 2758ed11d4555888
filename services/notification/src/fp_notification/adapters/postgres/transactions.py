"""Changes in Postgres."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from fp_kernel import NO_COMMAND, Command
from fp_postgres import Database
from fp_postgres import Transaction as PostgresTransaction

from fp_notification.adapters.events import to_event
from fp_notification.adapters.postgres import deliveries, recipients
from fp_notification.adapters.postgres.reads import UNREAD
from fp_notification.adapters.postgres.rows import (
    ATTEMPT,
    NOTIFICATION,
    batched,
    columns,
    of_attempt,
    of_notification,
    to_attempt,
    to_notification,
)
from fp_notification.app.ports import Lease, Member
from fp_notification.domain.breaker import BreakerPolicy
from fp_notification.domain.events import DomainEvent
from fp_notification.domain.floods import Kind
from fp_notification.domain.notifications import Attempt, Notification, Status
from fp_notification.domain.recipients import Channel, ChannelSetting, Recipient

CONSUMER = "notification"

# channels: joined, for unnest has no rows of arrays.
_ADD = """
INSERT INTO notifications AS kept (id, team, recipient, kind, event_id, event_type, source, resource_id, severity,
                                   title, body, channels, in_app, created_at, correlation_id, trace, events)
SELECT n.id, n.team, n.recipient, n.kind, n.event_id, n.event_type, n.source, n.resource_id, n.severity, n.title,
       n.body, string_to_array(n.channels, ','), n.in_app, n.created_at, n.correlation_id, n.trace, n.events
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[],
            $9::smallint[], $10::text[], $11::text[], $12::text[], $13::boolean[], $14::timestamptz[], $15::text[],
            $16::text[], $17::bigint[])
     AS n (id, team, recipient, kind, event_id, event_type, source, resource_id, severity, title, body, channels,
           in_app, created_at, correlation_id, trace, events)
ON CONFLICT ON CONSTRAINT notifications_once DO UPDATE
SET title = excluded.title, body = excluded.body, severity = greatest(kept.severity, excluded.severity),
    events = excluded.events, read_at = NULL
WHERE excluded.events > kept.events
RETURNING id::text
"""
_COUNT = """
INSERT INTO floods AS kept (team, event_type, resource_id, begins_at, events)
SELECT k.team, k.event_type, k.resource_id, $5, k.events
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) WITH ORDINALITY
     AS k (team, event_type, resource_id, events, place)
ORDER BY k.place
ON CONFLICT (begins_at, team, event_type, resource_id) DO UPDATE SET events = kept.events + excluded.events
RETURNING team, event_type, resource_id, events
"""
_TOLD = f"SELECT {NOTIFICATION} FROM notifications n WHERE n.team = $1 AND n.recipient = $2 AND n.event_id = $3"  # noqa: S608 -- a constant
_RECORD = """
INSERT INTO attempts (id, team, recipient, kind, notification_id, channel, status, number, response_code, error,
                      attempted_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::int[],
                     $9::int[], $10::text[], $11::timestamptz[])
"""
_LAST = f"SELECT {ATTEMPT} FROM attempts WHERE notification_id = $1 AND channel = $2 ORDER BY id DESC LIMIT 1"  # noqa: S608 -- a constant
_READ = """
UPDATE notifications AS kept SET read_at = $3
FROM unnest($4::uuid[]) AS wanted (id) CROSS JOIN LATERAL (
    SELECT id FROM notifications
    WHERE id = wanted.id AND team = $1 AND recipient = $2 AND in_app AND read_at IS NULL LIMIT 1
) AS mine
WHERE kept.id = mine.id
"""
_READ_ALL = """
UPDATE notifications SET read_at = $3
WHERE team = $1 AND recipient = $2 AND in_app AND read_at IS NULL AND id <= $4
"""
_BITE = 2_000  # rows a statement


class PostgresTransactions:
    """`app.ports.Transactions` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def __call__(self, command: Command | None = None) -> AsyncIterator["NotificationTransaction"]:
        async with self._database.transaction(command) as tx:
            yield NotificationTransaction(tx, command or NO_COMMAND)


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

    async def count_events(self, kinds: Mapping[Kind, int], begins_at: datetime) -> Mapping[Kind, int]:
        counted = columns(((*kind, number) for kind, number in kinds.items()), 4)
        rows = await self._tx.fetch(_COUNT, *counted, begins_at)
        after = {Kind(row["team"], row["event_type"], row["resource_id"]): int(row["events"]) for row in rows}
        return {kind: after[kind] - number for kind, number in kinds.items()}

    async def add_notifications(self, notifications: Sequence[Notification]) -> set[str]:
        new: set[str] = set()
        for bite in batched(notifications, _BITE):
            rows = await self._tx.fetch(_ADD, *columns(map(of_notification, bite), 17))
            new.update(row["id"] for row in rows)
        return new

    async def add_deliveries(self, made: Sequence[tuple[Notification, str, float]]) -> None:
        for bite in batched(made, _BITE):
            await deliveries.add(self._tx, bite)

    async def told(self, team: str, recipient: str, event_id: str) -> Notification | None:
        row = await self._tx.fetchrow(_TOLD, team, recipient, event_id)
        return to_notification(row) if row else None

    async def record(self, attempts: Sequence[tuple[Notification, Attempt]]) -> None:
        for bite in batched(attempts, _BITE):
            await self._tx.execute(_RECORD, *columns(map(of_attempt, bite), 11))

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

    async def mark_read(self, team: str, user_id: str, ids: Collection[str], now: datetime) -> int:
        status = await self._tx.execute(_READ, team, user_id, now, list(ids))
        return int(status.removeprefix("UPDATE "))

    async def mark_all_read(self, team: str, user_id: str, up_to: str, now: datetime) -> int:
        status = await self._tx.execute(_READ_ALL, team, user_id, now, up_to)
        return int(status.removeprefix("UPDATE "))

    async def unread(self, team: str, user_id: str) -> int:
        return int(await self._tx.fetchval(UNREAD, team, user_id))

    def emit(self, event: DomainEvent) -> None:
        self._tx.outbox.add(to_event(event))

    async def complete(self, result: object) -> None:
        await self._tx.complete(self._command, result)
