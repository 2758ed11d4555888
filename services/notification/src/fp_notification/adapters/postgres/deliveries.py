"""Deliveries and their leases, on the database's clock: the clocks of replicas may differ."""

from collections.abc import Sequence

from asyncpg import Record
from fp_postgres import Database, Transaction

from fp_notification.adapters.postgres.rows import NOTIFICATION, to_notification, to_setting
from fp_notification.app.ports import Lease, LeaseLost
from fp_notification.domain.breaker import BreakerPolicy
from fp_notification.domain.notifications import Notification, Status
from fp_notification.domain.recipients import Channel

_LEASED = f"""
SELECT {NOTIFICATION}, taken.channel, taken.token, taken.attempts,
       c.enabled, c.min_severity, c.target, c.secret_id, c.disabled_reason
FROM taken JOIN notifications n ON n.id = taken.notification_id
LEFT JOIN channels c ON c.team = n.team AND c.recipient = n.recipient AND c.channel = taken.channel
"""  # noqa: S608 -- a constant
_CLAIM = f"""
WITH due AS (
    SELECT notification_id, channel FROM deliveries
    WHERE status IN ('PENDING', 'RETRYING') AND due_at <= now()
    ORDER BY due_at LIMIT $1
    FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE deliveries d SET token = d.token + 1, due_at = now() + make_interval(secs => $2)
    FROM due WHERE d.notification_id = due.notification_id AND d.channel = due.channel
    RETURNING d.notification_id, d.channel, d.token, d.attempts
)
{_LEASED}
"""  # noqa: S608 -- constants
_TAKE = f"""
WITH taken AS (
    UPDATE deliveries d SET token = d.token + 1, due_at = now() + make_interval(secs => $3)
    WHERE d.notification_id = $1 AND d.channel = $2 AND d.status IN ('PENDING', 'RETRYING')
    RETURNING d.notification_id, d.channel, d.token, d.attempts
)
{_LEASED}
"""  # noqa: S608 -- constants
_CLOSE = """
UPDATE deliveries
SET status = $4, attempts = $5, due_at = now() + make_interval(secs => $6)
WHERE notification_id = $1 AND channel = $2 AND token = $3 AND status IN ('PENDING', 'RETRYING')
"""

_ADD = """
INSERT INTO deliveries (notification_id, channel, status, due_at)
SELECT $1, $2, 'PENDING', greatest(
    now() + make_interval(secs => $5),
    (SELECT open_until FROM channels WHERE team = $3 AND recipient = $4 AND channel = $2)
)
"""
_FAULT = """
UPDATE channels
SET failures = failures + 1,
    open_until = CASE WHEN failures + 1 >= $5 THEN now() + make_interval(secs => $6) END
WHERE team = $1 AND recipient = $2 AND channel = $3 AND target = $4
RETURNING open_until
"""
# What someone works on is locked or due later, and goes on.
_POSTPONE = """
UPDATE deliveries SET due_at = $4
WHERE (notification_id, channel) IN (
    SELECT d.notification_id, d.channel FROM deliveries d JOIN notifications n ON n.id = d.notification_id
    WHERE d.status IN ('PENDING', 'RETRYING') AND d.due_at <= now()
          AND n.team = $1 AND n.recipient = $2 AND d.channel = $3
    FOR UPDATE OF d SKIP LOCKED
)
"""


class PostgresDeliveries:
    """`app.ports.Deliveries` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, limit: int, seconds: float) -> Sequence[Lease]:
        return [_to_lease(row) for row in await self._database.fetch(_CLAIM, limit, seconds)]


async def add(tx: Transaction, notification: Notification, channel: Channel, due_in: float) -> None:
    await tx.execute(_ADD, notification.id, channel, notification.team, notification.recipient, due_in)


async def take(tx: Transaction, notification: Notification, channel: Channel, seconds: float) -> Lease | None:
    row = await tx.fetchrow(_TAKE, notification.id, channel, seconds)
    return _to_lease(row) if row else None


async def close(tx: Transaction, lease: Lease, status: Status, pause: float) -> None:
    done = await tx.execute(_CLOSE, lease.notification.id, lease.channel, lease.token, status, lease.attempt, pause)
    if done != "UPDATE 1":
        raise LeaseLost(f"notification {lease.notification.id} is delivered by another process")


async def spare(tx: Transaction, lease: Lease, policy: BreakerPolicy) -> None:
    name = (lease.notification.team, lease.notification.recipient, lease.channel)
    target = lease.setting.target if lease.setting else ""
    until = await tx.fetchval(_FAULT, *name, target, policy.failures, policy.pause)
    if until is not None:
        await tx.execute(_POSTPONE, *name, until)


async def trust(tx: Transaction, lease: Lease) -> None:
    await tx.execute(
        """
        UPDATE channels SET failures = 0, open_until = NULL
        WHERE team = $1 AND recipient = $2 AND channel = $3 AND failures > 0
        """,
        lease.notification.team,
        lease.notification.recipient,
        lease.channel,
    )


def _to_lease(row: Record) -> Lease:
    return Lease(
        notification=to_notification(row),
        channel=Channel(row["channel"]),
        token=row["token"],
        attempt=row["attempts"] + 1,
        setting=to_setting(row),
    )
