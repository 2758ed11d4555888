"""Notifications, and how many events of a kind there were in a minute."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from fp_postgres import Transaction

from fp_notification.adapters.postgres.reads import UNREAD
from fp_notification.adapters.postgres.rows import (
    BITE,
    NOTIFICATION,
    batched,
    columns,
    of_notification,
    to_notification,
)
from fp_notification.domain.floods import Kind
from fp_notification.domain.notifications import Notification

# channels: joined, for unnest has no rows of arrays.
_ADD = """
INSERT INTO notifications AS stored (id, team, recipient, kind, event_id, event_type, source, resource_id, severity,
                                   title, body, channels, in_app, created_at, correlation_id, trace, events)
SELECT n.id, n.team, n.recipient, n.kind, n.event_id, n.event_type, n.source, n.resource_id, n.severity, n.title,
       n.body, string_to_array(n.channels, ','), n.in_app, n.created_at, n.correlation_id, n.trace, n.events
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[],
            $9::smallint[], $10::text[], $11::text[], $12::text[], $13::boolean[], $14::timestamptz[], $15::text[],
            $16::text[], $17::bigint[])
     AS n (id, team, recipient, kind, event_id, event_type, source, resource_id, severity, title, body, channels,
           in_app, created_at, correlation_id, trace, events)
ON CONFLICT ON CONSTRAINT notifications_once DO UPDATE
SET title = excluded.title, body = excluded.body, severity = greatest(stored.severity, excluded.severity),
    events = excluded.events, read_at = NULL
WHERE excluded.events > stored.events
RETURNING id::text
"""
_COUNT = """
INSERT INTO floods AS stored (team, event_type, resource_id, begins_at, events)
SELECT k.team, k.event_type, k.resource_id, $5, k.events
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) WITH ORDINALITY
     AS k (team, event_type, resource_id, events, place)
ORDER BY k.place
ON CONFLICT (begins_at, team, event_type, resource_id) DO UPDATE SET events = stored.events + excluded.events
RETURNING team, event_type, resource_id, events
"""
_FIND = f"SELECT {NOTIFICATION} FROM notifications n WHERE n.team = $1 AND n.recipient = $2 AND n.event_id = $3"  # noqa: S608 -- a constant
_READ = """
UPDATE notifications AS stored SET read_at = $3
FROM unnest($4::uuid[]) AS wanted (id) CROSS JOIN LATERAL (
    SELECT id FROM notifications
    WHERE id = wanted.id AND team = $1 AND recipient = $2 AND in_app AND read_at IS NULL LIMIT 1
) AS mine
WHERE stored.id = mine.id
"""
_READ_ALL = """
UPDATE notifications SET read_at = $3
WHERE team = $1 AND recipient = $2 AND in_app AND read_at IS NULL AND id <= $4
"""


class PostgresNotifications:
    """`app.ports.Notifications` within a transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def count_events(self, kinds: Mapping[Kind, int], begins_at: datetime) -> Mapping[Kind, int]:
        counted = columns(((*kind, number) for kind, number in kinds.items()), 4)
        rows = await self._tx.fetch(_COUNT, *counted, begins_at)
        after = {Kind(row["team"], row["event_type"], row["resource_id"]): int(row["events"]) for row in rows}
        return {kind: after[kind] - number for kind, number in kinds.items()}

    async def add(self, notifications: Sequence[Notification]) -> set[str]:
        new: set[str] = set()
        for bite in batched(notifications, BITE):
            rows = await self._tx.fetch(_ADD, *columns(map(of_notification, bite), 17))
            new.update(row["id"] for row in rows)
        return new

    async def find(self, team: str, recipient: str, event_id: str) -> Notification | None:
        row = await self._tx.fetchrow(_FIND, team, recipient, event_id)
        return to_notification(row) if row else None

    async def mark_read(self, team: str, user_id: str, ids: Collection[str], now: datetime) -> int:
        status = await self._tx.execute(_READ, team, user_id, now, list(ids))
        return int(status.removeprefix("UPDATE "))

    async def mark_all_read(self, team: str, user_id: str, up_to: str, now: datetime) -> int:
        status = await self._tx.execute(_READ_ALL, team, user_id, now, up_to)
        return int(status.removeprefix("UPDATE "))

    async def unread(self, team: str, user_id: str) -> int:
        return int(await self._tx.fetchval(UNREAD, team, user_id))
