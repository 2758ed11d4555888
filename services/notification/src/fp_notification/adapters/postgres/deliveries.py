"""Deliveries and their leases, on the database's clock: the clocks of replicas may differ."""

from collections.abc import Sequence

from asyncpg import Record
from fp_postgres import Database, Transaction

from fp_notification.adapters.postgres.rows import BITE, NOTIFICATION, batched, columns, to_notification, to_setting
from fp_notification.app.ports import Delivery, Lease, LeaseLost
from fp_notification.domain.breaker import BreakerPolicy
from fp_notification.domain.notifications import Notification, Status
from fp_notification.domain.recipients import Channel
from fp_notification.domain.targets import destination

_LEASED = f"""
SELECT {NOTIFICATION}, taken.channel, taken.token, taken.attempts,
       c.enabled, c.min_severity, c.target, c.secret_id, c.disabled_reason, c.signing_secret, c.headers
FROM taken JOIN notifications n ON n.id = taken.notification_id
LEFT JOIN channels c ON c.team = n.team AND c.recipient = n.recipient AND c.channel = taken.channel
     AND NOT EXISTS (SELECT FROM recipients r WHERE r.team = n.team AND r.id = n.recipient AND r.ended_at IS NOT NULL)
"""  # noqa: S608 -- a constant
# Hosts that something waits for, one look a host at the index; those that have room, the longest waiting first.
_WAITING = """
WITH RECURSIVE waiting AS (
    (SELECT host, due_at FROM deliveries WHERE status IN ('PENDING', 'RETRYING') ORDER BY host, due_at LIMIT 1)
    UNION ALL
    SELECT next.host, next.due_at FROM waiting CROSS JOIN LATERAL (
        SELECT host, due_at FROM deliveries WHERE status IN ('PENDING', 'RETRYING') AND host > waiting.host
        ORDER BY host, due_at LIMIT 1
    ) AS next
)
SELECT host FROM waiting LEFT JOIN destinations d USING (host)
WHERE waiting.due_at <= now() AND (d.open_until IS NULL OR d.open_until <= now())
      AND (SELECT count(*) FROM deliveries
           WHERE host = waiting.host AND leased_until > now()) < CASE WHEN d.open_until IS NULL THEN $1 ELSE 1 END
ORDER BY waiting.due_at LIMIT $2
"""
KNOW = "INSERT INTO destinations (host) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
# A host whose row another replica holds is being claimed by it.
HOLD = """
SELECT host, open_until IS NOT NULL AS tried FROM destinations
WHERE host = ANY ($1::text[]) AND (open_until IS NULL OR open_until <= now()) ORDER BY host FOR UPDATE SKIP LOCKED
"""
# Sees what others claimed of a host before its row was locked here. One of each host comes before a second of any.
_CLAIM = f"""
WITH due AS (
    SELECT d.notification_id, d.channel
    FROM unnest($1::text[], $2::boolean[]) AS o (host, tried)
    CROSS JOIN LATERAL (SELECT count(*) AS number FROM deliveries WHERE host = o.host AND leased_until > now()) AS busy
    CROSS JOIN LATERAL (
        SELECT notification_id, channel, due_at FROM deliveries
        WHERE host = o.host AND status IN ('PENDING', 'RETRYING') AND due_at <= now()
        ORDER BY due_at LIMIT greatest(0, CASE WHEN o.tried THEN 1 ELSE $3 END - busy.number)
        FOR UPDATE SKIP LOCKED
    ) AS d
    ORDER BY row_number() OVER (PARTITION BY o.host ORDER BY d.due_at), d.due_at LIMIT $4
), taken AS (
    UPDATE deliveries d
    SET token = d.token + 1, due_at = now() + make_interval(secs => $5),
        leased_until = now() + make_interval(secs => $5)
    FROM due WHERE d.notification_id = due.notification_id AND d.channel = due.channel
    RETURNING d.notification_id, d.channel, d.token, d.attempts
)
{_LEASED}
"""  # noqa: S608 -- constants
_TAKE = f"""
WITH taken AS (
    UPDATE deliveries d
    SET token = d.token + 1, due_at = now() + make_interval(secs => $3),
        leased_until = now() + make_interval(secs => $3)
    WHERE d.notification_id = $1 AND d.channel = $2 AND d.status IN ('PENDING', 'RETRYING')
    RETURNING d.notification_id, d.channel, d.token, d.attempts
)
{_LEASED}
"""  # noqa: S608 -- constants
_CLOSE = """
UPDATE deliveries
SET status = $4, attempts = $5, due_at = now() + make_interval(secs => $6), leased_until = NULL
WHERE notification_id = $1 AND channel = $2 AND token = $3 AND status IN ('PENDING', 'RETRYING')
"""

_ADD = """
INSERT INTO deliveries (notification_id, channel, status, host, due_at)
SELECT d.notification_id, d.channel, 'PENDING', d.host, now() + make_interval(secs => d.due_in)
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::float8[]) AS d (notification_id, channel, host, due_in)
"""
FAULT = """
INSERT INTO destinations AS stored (host, failures, open_until)
VALUES ($1, 1, CASE WHEN 1 >= $2 THEN now() + make_interval(secs => $3) END)
ON CONFLICT (host) DO UPDATE
SET failures = stored.failures + 1,
    open_until = CASE WHEN stored.failures + 1 >= $2 THEN now() + make_interval(secs => $3) END
"""
TRUST = "UPDATE destinations SET failures = 0, open_until = NULL WHERE host = $1 AND failures > 0"


class PostgresClaims:
    """`app.worker.Claims` on a database. per_host: messages under way at a time to one host, over all replicas."""

    def __init__(self, database: Database, per_host: int) -> None:
        self._database = database
        self._per_host = per_host

    async def claim(self, limit: int, seconds: float) -> Sequence[Lease]:
        waiting = [row["host"] for row in await self._database.fetch(_WAITING, self._per_host, limit)]
        if not waiting:
            return []
        async with self._database.transaction() as tx:
            await tx.execute(KNOW, waiting)
            held = await tx.fetch(HOLD, waiting)
            hosts, tried = [row["host"] for row in held], [row["tried"] for row in held]
            rows = await tx.fetch(_CLAIM, hosts, tried, self._per_host, limit, seconds)
        return [_to_lease(row) for row in rows]


class PostgresDeliveries:
    """`app.ports.Deliveries` within a transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, made: Sequence[Delivery]) -> None:
        for bite in batched(made, BITE):
            facts = ((each.notification.id, each.channel, each.destination, each.due_in) for each in bite)
            await self._tx.execute(_ADD, *columns(facts, 4))

    async def take(self, notification: Notification, channel: Channel, seconds: float) -> Lease | None:
        row = await self._tx.fetchrow(_TAKE, notification.id, channel, seconds)
        return _to_lease(row) if row else None

    async def close(self, lease: Lease, status: Status, pause: float) -> None:
        done = await self._tx.execute(
            _CLOSE, lease.notification.id, lease.channel, lease.token, status, lease.attempt, pause
        )
        if done != "UPDATE 1":
            raise LeaseLost(f"notification {lease.notification.id} is delivered by another process")

    async def count_fault(self, lease: Lease, policy: BreakerPolicy) -> None:
        await self._tx.execute(FAULT, _host(lease), policy.failures, policy.pause)

    async def forget_faults(self, lease: Lease) -> None:
        await self._tx.execute(TRUST, _host(lease))


def _host(lease: Lease) -> str:
    return destination(lease.setting.target, lease.notification.team) if lease.setting else ""


def _to_lease(row: Record) -> Lease:
    return Lease(
        notification=to_notification(row),
        channel=Channel(row["channel"]),
        token=row["token"],
        attempt=row["attempts"] + 1,
        setting=to_setting(row),
    )
