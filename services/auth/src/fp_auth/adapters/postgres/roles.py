"""Roles: the built-in ones and those of teams."""

from collections.abc import Sequence

from asyncpg import Record
from fp_postgres import Connection

from fp_auth.adapters.postgres.statements import affected
from fp_auth.domain.team_roles import TeamRole
from fp_auth.domain.users import ASSIGNABLE_ROLES, Role

_ROLE = "team, name, description, scopes, created_by, created_at, revision, changed_by"


class PostgresRoles:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, name: str, team: str = "") -> Role | None:
        row = await self._connection.fetchrow(
            """
            SELECT name, scopes FROM roles WHERE name = $1
            UNION ALL
            SELECT name, scopes FROM team_roles WHERE team = $2 AND name = $1
            """,
            name,
            team,
        )
        return Role(row["name"], frozenset(row["scopes"])) if row else None


class PostgresTeamRoles:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, role: TeamRole) -> bool:
        status = await self._connection.execute(
            """
            INSERT INTO team_roles (team, name, description, scopes, created_by, created_at, revision)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (team, name) DO NOTHING
            """,
            role.team,
            role.name,
            role.description,
            sorted(role.scopes),
            role.created_by,
            role.created_at,
            role.revision,
        )
        return affected(status) == 1

    async def lock(self, team: str, name: str) -> TeamRole | None:
        # Stronger than the lock of a user's foreign key: an assignment waits, and a deletion sees who has the role.
        row = await self._connection.fetchrow(
            f"SELECT {_ROLE} FROM team_roles WHERE team = $1 AND name = $2 FOR UPDATE",  # noqa: S608 -- a constant
            team,
            name,
        )
        return _to_role(row) if row else None

    async def save(self, role: TeamRole) -> None:
        await self._connection.execute(
            """
            UPDATE team_roles SET description = $3, scopes = $4, revision = $5, changed_by = $6
            WHERE team = $1 AND name = $2
            """,
            role.team,
            role.name,
            role.description,
            sorted(role.scopes),
            role.revision,
            role.changed_by,
        )

    async def delete(self, role: TeamRole) -> None:
        await self._connection.execute("DELETE FROM team_roles WHERE team = $1 AND name = $2", role.team, role.name)

    async def holders(self, team: str, name: str, limit: int) -> Sequence[str]:
        rows = await self._connection.fetch(
            "SELECT id FROM users WHERE team = $1 AND team_role = $2 ORDER BY id LIMIT $3", team, name, limit
        )
        return [str(row["id"]) for row in rows]

    async def active_holders(self, team: str, name: str, limit: int) -> Sequence[str]:
        # The tokens of who is disabled or deleted ended already, for good: a later end of his logins must not replace
        # that one.
        rows = await self._connection.fetch(
            """
            SELECT id FROM users
            WHERE team = $1 AND team_role = $2 AND disabled_at IS NULL AND deleted_at IS NULL
            ORDER BY id
            LIMIT $3
            """,
            team,
            name,
            limit,
        )
        return [str(row["id"]) for row in rows]

    async def all(self, team: str) -> Sequence[TeamRole]:
        built_in = await self._connection.fetch("SELECT name, scopes FROM roles ORDER BY name")
        own = await self._connection.fetch(
            f"SELECT {_ROLE} FROM team_roles WHERE team = $1 ORDER BY name",  # noqa: S608 -- a constant
            team,
        )
        return [
            *(
                TeamRole(team, row["name"], "", frozenset(row["scopes"]), built_in=True)
                for row in built_in
                if row["name"] in ASSIGNABLE_ROLES
            ),
            *map(_to_role, own),
        ]


def _to_role(row: Record) -> TeamRole:
    return TeamRole(
        row["team"],
        row["name"],
        row["description"],
        frozenset(row["scopes"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
        revision=row["revision"],
        changed_by=row["changed_by"],
    )
