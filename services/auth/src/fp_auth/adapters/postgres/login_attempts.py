"""Failed logins, by what they are counted for."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from fp_postgres import Connection

from fp_auth.adapters.postgres.statements import affected
from fp_auth.app.ports import Subject
from fp_auth.domain.lockout import Bucket


class PostgresLoginAttempts:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock(self, subjects: Sequence[Subject]) -> Mapping[Subject, Bucket]:
        found = {}
        for subject in sorted(subjects):
            # An update of nothing locks the row and reads its newest version, whether it was there or not.
            empty_at = await self._connection.fetchval(
                """
                INSERT INTO login_buckets (kind, key) VALUES ($1, $2)
                ON CONFLICT (kind, key) DO UPDATE SET empty_at = login_buckets.empty_at
                RETURNING empty_at
                """,
                subject.kind,
                subject.key,
            )
            found[subject] = Bucket(empty_at)
        return found

    async def save(self, subject: Subject, bucket: Bucket) -> None:
        await self._connection.execute(
            "UPDATE login_buckets SET empty_at = $3 WHERE kind = $1 AND key = $2",
            subject.kind,
            subject.key,
            bucket.empty_at,
        )

    async def forget(self, subject: Subject) -> None:
        await self._connection.execute(
            "DELETE FROM login_buckets WHERE kind = $1 AND key = $2", subject.kind, subject.key
        )

    async def prune(self, now: datetime, limit: int) -> int:
        return affected(
            await self._connection.execute(
                """
                DELETE FROM login_buckets WHERE ctid = ANY (ARRAY(
                    SELECT ctid FROM login_buckets WHERE empty_at < $1 ORDER BY empty_at LIMIT $2))
                """,
                now,
                limit,
            )
        )
