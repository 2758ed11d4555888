"""Teams."""

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record
from fp_kernel import PageRequest
from fp_postgres import Connection

from fp_auth.adapters.postgres.statements import affected
from fp_auth.domain.teams import Limits, Team

_TEAM = "id, display_name, created_at, suspended_at, max_users, max_keys, revision, changed_by"


class PostgresTeams:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, team_id: str) -> Team | None:
        row = await self._connection.fetchrow(
            f"SELECT {_TEAM} FROM teams WHERE id = $1",  # noqa: S608 -- a constant
            team_id,
        )
        return _to_team(row) if row else None

    async def lock(self, team_id: str) -> Team | None:
        row = await self._connection.fetchrow(
            f"SELECT {_TEAM} FROM teams WHERE id = $1 FOR UPDATE",  # noqa: S608 -- a constant
            team_id,
        )
        return _to_team(row) if row else None

    async def hold(self, team_id: str) -> Team | None:
        row = await self._connection.fetchrow(
            f"SELECT {_TEAM} FROM teams WHERE id = $1 FOR SHARE",  # noqa: S608 -- a constant
            team_id,
        )
        return _to_team(row) if row else None

    async def add(self, team: Team) -> bool:
        status = await self._connection.execute(
            """
            INSERT INTO teams (id, display_name, created_at, max_users, max_keys) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (id) DO NOTHING
            """,
            team.id,
            team.display_name,
            team.created_at,
            team.limits.users,
            team.limits.keys,
        )
        return affected(status) == 1

    async def save(self, team: Team) -> None:
        await self._connection.execute(
            """
            UPDATE teams
            SET display_name = $2, suspended_at = $3, max_users = $4, max_keys = $5, revision = $6, changed_by = $7
            WHERE id = $1
            """,
            team.id,
            team.display_name,
            team.suspended_at,
            team.limits.users,
            team.limits.keys,
            team.revision,
            team.changed_by,
        )

    async def count_users(self, team_id: str) -> int:
        return int(
            await self._connection.fetchval(
                "SELECT count(*) FROM users WHERE team = $1 AND deleted_at IS NULL", team_id
            )
        )

    async def count_keys(self, team_id: str, now: datetime) -> int:
        return int(
            await self._connection.fetchval(
                """
                SELECT count(*) FROM api_keys
                WHERE team = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
                """,
                team_id,
                now,
            )
        )

    async def page(self, page: PageRequest) -> Sequence[Team]:
        rows = await self._connection.fetch(
            f"SELECT {_TEAM} FROM teams WHERE id > $1 ORDER BY id LIMIT $2",  # noqa: S608 -- a constant
            page.after[0] if page.after else "",
            page.size + 1,
        )
        return [_to_team(row) for row in rows]


def _to_team(row: Record) -> Team:
    return Team(
        id=row["id"],
        display_name=row["display_name"],
        created_at=row["created_at"],
        suspended_at=row["suspended_at"],
        limits=Limits(row["max_users"], row["max_keys"]),
        revision=row["revision"],
        changed_by=row["changed_by"],
    )
