"""Refresh tokens and their families."""

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record
from fp_kernel import PageRequest
from fp_postgres import Connection

from fp_auth.adapters.postgres.statements import FIRST, affected
from fp_auth.domain.sessions import OpenedSession, RefreshToken

_OPENED = "id, user_id, started_at, coalesce(last_used_at, started_at) AS last_used_at, ends_at, address"


class PostgresSessions:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def start(
        self, family_id: str, user_id: str, started: datetime, ends: datetime, *, address: str = ""
    ) -> None:
        await self._connection.execute(
            """
            INSERT INTO refresh_families (id, user_id, started_at, ends_at, last_used_at, address)
            VALUES ($1, $2, $3, $4, $3, $5)
            """,
            family_id,
            user_id,
            started,
            ends,
            address,
        )

    async def add_token(
        self, family_id: str, token_hash: bytes, issued: datetime, expires: datetime, *, predecessor: bytes | None
    ) -> None:
        await self._connection.execute(
            """
            INSERT INTO refresh_tokens (token_hash, family_id, issued_at, expires_at, predecessor)
            VALUES ($1, $2, $3, $4, $5)
            """,
            token_hash,
            family_id,
            issued,
            expires,
            predecessor,
        )
        await self._connection.execute("UPDATE refresh_families SET last_used_at = $2 WHERE id = $1", family_id, issued)

    async def lock(self, token_hash: bytes) -> RefreshToken | None:
        # The family's row is the lock: two uses of two tokens of one family follow one another.
        row = await self._connection.fetchrow(
            """
            SELECT f.id, f.user_id, f.started_at, f.ends_at, f.ended_at
            FROM refresh_families f
            WHERE f.id = (SELECT family_id FROM refresh_tokens WHERE token_hash = $1)
            FOR UPDATE
            """,
            token_hash,
        )
        if row is None:
            return None
        # Read after the lock was had, or a twin that waited would still see the token unspent.
        token = await self._connection.fetchrow(
            """
            SELECT expires_at, spent_at,
                   (SELECT bool_and(after.spent_at IS NULL) FROM refresh_tokens after
                    WHERE after.predecessor = $1) AS replaceable
            FROM refresh_tokens WHERE token_hash = $1
            """,
            token_hash,
        )
        if token is None:
            return None
        return RefreshToken(
            family_id=str(row["id"]),
            user_id=str(row["user_id"]),
            family_started=row["started_at"],
            family_ends=row["ends_at"],
            expires_at=token["expires_at"],
            spent_at=token["spent_at"],
            ended_at=row["ended_at"],
            # None where nothing replaced it: another token of its predecessor was used instead.
            replaceable=bool(token["replaceable"]),
        )

    async def spend(self, token_hash: bytes, now: datetime) -> None:
        await self._connection.execute(
            """
            UPDATE refresh_tokens SET spent_at = $2
            WHERE spent_at IS NULL AND (token_hash = $1 OR predecessor =
                (SELECT used.predecessor FROM refresh_tokens used WHERE used.token_hash = $1))
            """,
            token_hash,
            now,
        )

    async def end(self, family_id: str, now: datetime, reason: str) -> None:
        await self._connection.execute(
            "UPDATE refresh_families SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL",
            family_id,
            now,
            reason,
        )

    async def end_of_user(self, user_id: str, now: datetime, reason: str, *, spared: str = "") -> datetime | None:
        newest: datetime | None = await self._connection.fetchval(
            """
            WITH ended AS (
                UPDATE refresh_families SET ended_at = $2, end_reason = $3
                WHERE user_id = $1 AND ended_at IS NULL AND id::text <> $4
                RETURNING last_used_at
            )
            SELECT max(last_used_at) FROM ended
            """,
            user_id,
            now,
            reason,
            spared,
        )
        return newest

    async def find(self, family_id: str) -> OpenedSession | None:
        row = await self._connection.fetchrow(
            f"SELECT {_OPENED} FROM refresh_families WHERE id = $1",  # noqa: S608 -- a constant
            family_id,
        )
        return _opened(row) if row else None

    async def open_of_user(
        self, user_id: str, now: datetime, used_after: datetime, page: PageRequest
    ) -> Sequence[OpenedSession]:
        rows = await self._connection.fetch(
            f"""
            SELECT {_OPENED} FROM refresh_families
            WHERE user_id = $1 AND ended_at IS NULL AND ends_at > $2 AND coalesce(last_used_at, started_at) > $3
                AND id > $4
            ORDER BY id
            LIMIT $5
            """,  # noqa: S608 -- a constant
            user_id,
            now,
            used_after,
            page.after[0] if page.after else FIRST,
            page.size + 1,
        )
        return [_opened(row) for row in rows]

    async def erase(self, user_id: str) -> None:
        # Ended ones too: the address of the client is personal. Their tokens go with them.
        await self._connection.execute("DELETE FROM refresh_families WHERE user_id = $1", user_id)

    async def prune(self, now: datetime, limit: int) -> int:
        # Spent tokens stay as long as their family could live: reuse is known by them.
        return affected(
            await self._connection.execute(
                """
                DELETE FROM refresh_families WHERE ctid = ANY (ARRAY(
                    SELECT ctid FROM refresh_families WHERE ends_at < $1 ORDER BY ends_at LIMIT $2))
                """,
                now,
                limit,
            )
        )


def _opened(row: Record) -> OpenedSession:
    return OpenedSession(
        id=str(row["id"]),
        user_id=str(row["user_id"]),
        started_at=row["started_at"],
        last_used_at=row["last_used_at"],
        ends_at=row["ends_at"],
        address=row["address"],
    )
