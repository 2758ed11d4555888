"""Failed logins."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from fp_auth.adapters.postgres.connection import Connection, affected
from fp_auth.app.ports import Subject
from fp_auth.domain.lockout import Attempts


class PostgresLoginAttempts:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock(self, subjects: Sequence[Subject]) -> Mapping[Subject, Attempts]:
        found = {}
        for subject in sorted(subjects):
            # An update of nothing locks the row and reads its newest version, whether it was there or not.
            row = await self._connection.fetchrow(
                """
                INSERT INTO login_attempts (kind, key) VALUES ($1, $2)
                ON CONFLICT (kind, key) DO UPDATE SET failures = login_attempts.failures
                RETURNING failures, last_at, locked_until
                """,
                subject.kind,
                subject.key,
            )
            if row is not None:
                found[subject] = Attempts(row["failures"], row["last_at"], row["locked_until"])
        return found

    async def save(self, subject: Subject, attempts: Attempts) -> None:
        await self._connection.execute(
            """
            UPDATE login_attempts SET failures = $3, last_at = $4, locked_until = $5
            WHERE kind = $1 AND key = $2
            """,
            subject.kind,
            subject.key,
            attempts.failures,
            attempts.last_at,
            attempts.locked_until,
        )

    async def forget(self, subject: Subject) -> None:
        await self._connection.execute(
            "DELETE FROM login_attempts WHERE kind = $1 AND key = $2", subject.kind, subject.key
        )

    async def prune(self, before: datetime, limit: int) -> int:
        return affected(
            await self._connection.execute(
                """
                DELETE FROM login_attempts WHERE ctid = ANY (ARRAY(
                    SELECT ctid FROM login_attempts WHERE last_at < $1 ORDER BY last_at LIMIT $2))
                """,
                before,
                limit,
            )
        )
