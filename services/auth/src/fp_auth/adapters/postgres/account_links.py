"""Links that are good once."""

from datetime import datetime

from asyncpg import Record
from fp_postgres import Connection

from fp_auth.adapters.postgres.statements import affected
from fp_auth.domain.account_links import Link, LinkKind


class PostgresAccountLinks:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, link: Link, token_hash: bytes) -> None:
        await self._connection.execute(
            """
            INSERT INTO account_links (token_hash, kind, user_id, email, requested_by, created_at, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            """,
            token_hash,
            link.kind.value,
            link.user_id,
            link.email,
            link.requested_by,
            link.created_at,
            link.expires_at,
        )

    async def count_since(self, user_id: str, kind: LinkKind, since: datetime) -> int:
        return int(
            await self._connection.fetchval(
                "SELECT count(*) FROM account_links WHERE user_id = $1 AND kind = $2 AND created_at > $3",
                user_id,
                kind.value,
                since,
            )
        )

    async def find(self, token_hash: bytes, kind: LinkKind, now: datetime) -> Link | None:
        row = await self._connection.fetchrow(
            """
            SELECT kind, user_id, email, requested_by, created_at, expires_at FROM account_links
            WHERE token_hash = $1 AND kind = $2 AND used_at IS NULL AND expires_at > $3
            """,
            token_hash,
            kind.value,
            now,
        )
        return _link(row) if row else None

    async def take(self, token_hash: bytes, kind: LinkKind, now: datetime) -> Link | None:
        # One of two uses at once waits for the other's row and finds it used.
        row = await self._connection.fetchrow(
            """
            UPDATE account_links SET used_at = $3
            WHERE token_hash = $1 AND kind = $2 AND used_at IS NULL AND expires_at > $3
            RETURNING kind, user_id, email, requested_by, created_at, expires_at
            """,
            token_hash,
            kind.value,
            now,
        )
        return _link(row) if row else None

    async def void(self, user_id: str, kind: LinkKind, now: datetime) -> None:
        await self._connection.execute(
            """
            UPDATE account_links SET used_at = $3
            WHERE user_id = $1 AND kind = $2 AND used_at IS NULL AND created_at > $3::timestamptz - interval '1 day'
            """,
            user_id,
            kind.value,
            now,
        )

    async def prune(self, now: datetime, limit: int) -> int:
        return affected(
            await self._connection.execute(
                """
                DELETE FROM account_links WHERE ctid = ANY (ARRAY(
                    SELECT ctid FROM account_links WHERE expires_at < $1 ORDER BY expires_at LIMIT $2))
                """,
                now,
                limit,
            )
        )


def _link(row: Record) -> Link:
    return Link(
        kind=LinkKind(row["kind"]),
        user_id=str(row["user_id"]),
        email=row["email"],
        requested_by=row["requested_by"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )
