"""Mails that notification has not taken yet."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from asyncpg import Record
from fp_postgres import Connection

from fp_auth.app.mail_ports import StoredMail


class PostgresMailRequests:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, mail: StoredMail, user_id: str, created: datetime, due: datetime) -> None:
        await self._connection.execute(
            """
            INSERT INTO mail_requests (id, user_id, sealed, created_at, expires_at, due_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            mail.id,
            user_id or None,
            mail.sealed,
            created,
            mail.expires_at,
            due,
        )

    async def claim(self, now: datetime, lease: timedelta, limit: int) -> Sequence[StoredMail]:
        rows = await self._connection.fetch(
            """
            UPDATE mail_requests SET attempts = attempts + 1, due_at = $2
            WHERE id = ANY (ARRAY(
                SELECT id FROM mail_requests WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED))
            RETURNING id, sealed, expires_at, attempts
            """,
            now,
            now + lease,
            limit,
        )
        return [_mail(row) for row in rows]

    async def postpone(self, mail_id: str, due: datetime) -> None:
        await self._connection.execute("UPDATE mail_requests SET due_at = $2 WHERE id = $1", mail_id, due)

    async def remove(self, mail_id: str) -> None:
        await self._connection.execute("DELETE FROM mail_requests WHERE id = $1", mail_id)


def _mail(row: Record) -> StoredMail:
    return StoredMail(str(row["id"]), row["sealed"], row["expires_at"], row["attempts"])
