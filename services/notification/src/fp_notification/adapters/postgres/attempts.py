"""The log of attempts."""

from collections.abc import Sequence

from fp_postgres import Transaction

from fp_notification.adapters.postgres.rows import ATTEMPT, BITE, batched, columns, of_attempt, to_attempt
from fp_notification.domain.notifications import Attempt, Notification
from fp_notification.domain.recipients import Channel

_ADD = """
INSERT INTO attempts (id, team, recipient, kind, notification_id, channel, status, number, response_code, error,
                      attempted_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::int[],
                     $9::int[], $10::text[], $11::timestamptz[])
"""
_LAST = f"SELECT {ATTEMPT} FROM attempts WHERE notification_id = $1 AND channel = $2 ORDER BY id DESC LIMIT 1"  # noqa: S608 -- a constant


class PostgresAttempts:
    """`app.ports.Attempts` within a transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def add(self, attempts: Sequence[tuple[Notification, Attempt]]) -> None:
        for bite in batched(attempts, BITE):
            await self._tx.execute(_ADD, *columns(map(of_attempt, bite), 11))

    async def last(self, notification: Notification, channel: Channel) -> Attempt | None:
        row = await self._tx.fetchrow(_LAST, notification.id, channel)
        return to_attempt(row) if row else None
