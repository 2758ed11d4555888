"""Invitations."""

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record
from fp_kernel import PageRequest
from fp_postgres import Connection

from fp_auth.adapters.postgres.statements import FIRST, affected
from fp_auth.domain.invitations import REMEMBERED, Invitation

_INVITATION = """
id, team, email, role, invited_by, created_at, expires_at, accepted_at, withdrawn_at, link_shown
"""


class PostgresInvitations:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, invitation: Invitation, token_hash: bytes) -> None:
        await self._connection.execute(
            """
            INSERT INTO invitations (id, token_hash, team, email, role, invited_by, created_at, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """,
            invitation.id,
            token_hash,
            invitation.team,
            invitation.email,
            invitation.role,
            invitation.invited_by,
            invitation.created_at,
            invitation.expires_at,
        )

    async def find_by_token(self, token_hash: bytes) -> Invitation | None:
        row = await self._connection.fetchrow(
            f"SELECT {_INVITATION} FROM invitations WHERE token_hash = $1",  # noqa: S608 -- a constant
            token_hash,
        )
        return _invitation(row) if row else None

    async def lock_by_token(self, token_hash: bytes) -> Invitation | None:
        row = await self._connection.fetchrow(
            f"SELECT {_INVITATION} FROM invitations WHERE token_hash = $1 FOR UPDATE",  # noqa: S608 -- a constant
            token_hash,
        )
        return _invitation(row) if row else None

    async def lock(self, invitation_id: str) -> Invitation | None:
        row = await self._connection.fetchrow(
            f"SELECT {_INVITATION} FROM invitations WHERE id = $1 FOR UPDATE",  # noqa: S608 -- a constant
            invitation_id,
        )
        return _invitation(row) if row else None

    async def accept(self, invitation_id: str, now: datetime) -> None:
        await self._connection.execute("UPDATE invitations SET accepted_at = $2 WHERE id = $1", invitation_id, now)

    async def withdraw(self, invitation_id: str, now: datetime) -> None:
        await self._connection.execute("UPDATE invitations SET withdrawn_at = $2 WHERE id = $1", invitation_id, now)

    async def withdraw_earlier(self, team: str, email: str, now: datetime) -> None:
        await self._connection.execute(
            """
            UPDATE invitations SET withdrawn_at = $3
            WHERE email = $2 AND team = $1 AND accepted_at IS NULL AND withdrawn_at IS NULL
            """,
            team,
            email,
            now,
        )

    async def show_link(self, invitation_id: str) -> None:
        await self._connection.execute("UPDATE invitations SET link_shown = true WHERE id = $1", invitation_id)

    async def count_since(self, email: str, since: datetime, *, to_oneself: bool = False) -> int:
        return int(
            await self._connection.fetchval(
                "SELECT count(*) FROM invitations WHERE email = $1 AND created_at > $2 AND (invited_by = '') = $3",
                email,
                since,
                to_oneself,
            )
        )

    async def count_registrations(self, now: datetime, most: int) -> int:
        return int(
            await self._connection.fetchval(
                """
                SELECT count(*) FROM (
                    SELECT FROM invitations
                    WHERE invited_by = '' AND accepted_at IS NULL AND expires_at > $1
                    LIMIT $2) AS found
                """,
                now,
                most,
            )
        )

    async def count_pending(self, team: str, now: datetime, most: int) -> int:
        return int(
            await self._connection.fetchval(
                """
                SELECT count(*) FROM (
                    SELECT FROM invitations
                    WHERE team = $1 AND expires_at > $2
                      AND accepted_at IS NULL AND withdrawn_at IS NULL AND invited_by <> ''
                    LIMIT $3) AS found
                """,
                team,
                now,
                most,
            )
        )

    async def page(self, team: str, now: datetime, page: PageRequest) -> Sequence[Invitation]:
        rows = await self._connection.fetch(
            f"""
            SELECT {_INVITATION} FROM invitations
            WHERE team = $1 AND id > $3 AND expires_at > $2
              AND accepted_at IS NULL AND withdrawn_at IS NULL AND invited_by <> ''
            ORDER BY id
            LIMIT $4
            """,  # noqa: S608 -- a constant
            team,
            now,
            page.after[0] if page.after else FIRST,
            page.size + 1,
        )
        return [_invitation(row) for row in rows]

    async def prune(self, now: datetime, limit: int) -> int:
        return affected(
            await self._connection.execute(
                """
                DELETE FROM invitations WHERE ctid = ANY (ARRAY(
                    SELECT ctid FROM invitations WHERE expires_at < $1 ORDER BY expires_at LIMIT $2))
                """,
                now - REMEMBERED,
                limit,
            )
        )


def _invitation(row: Record) -> Invitation:
    return Invitation(
        id=str(row["id"]),
        team=row["team"],
        email=row["email"],
        role=row["role"],
        invited_by=row["invited_by"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        accepted_at=row["accepted_at"],
        withdrawn_at=row["withdrawn_at"],
        link_shown=row["link_shown"],
    )
