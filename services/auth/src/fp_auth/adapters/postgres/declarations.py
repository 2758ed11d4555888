"""Objects that teams keep in files."""

from collections.abc import Sequence

from asyncpg import Record
from fp_kernel import PageRequest
from fp_postgres import Connection

from fp_auth.domain.declarations import DeclaredObject, Reference


class PostgresDeclaredObjects:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def owners(self, team: str, references: Sequence[Reference]) -> Sequence[DeclaredObject]:
        rows = await self._connection.fetch(
            """
            SELECT kind, name, set_name, applied_by, applied_at FROM declared_objects
            WHERE team = $1 AND (kind, name) IN (SELECT * FROM unnest($2::text[], $3::text[]))
            """,
            team,
            [each.kind for each in references],
            [each.name for each in references],
        )
        return [_to_object(row) for row in rows]

    async def count(self, team: str) -> int:
        return int(await self._connection.fetchval("SELECT count(*) FROM declared_objects WHERE team = $1", team))

    async def save(self, team: str, objects: Sequence[DeclaredObject]) -> None:
        await self._connection.executemany(
            """
            INSERT INTO declared_objects (team, kind, name, set_name, applied_by, applied_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (team, kind, name) DO UPDATE SET applied_by = $5, applied_at = $6
            """,
            [
                (team, each.reference.kind, each.reference.name, each.set_name, each.applied_by, each.applied_at)
                for each in objects
            ],
        )

    async def remove(self, team: str, set_name: str, references: Sequence[Reference]) -> None:
        await self._connection.execute(
            """
            DELETE FROM declared_objects
            WHERE team = $1 AND set_name = $2 AND (kind, name) IN (SELECT * FROM unnest($3::text[], $4::text[]))
            """,
            team,
            set_name,
            [each.kind for each in references],
            [each.name for each in references],
        )

    async def page(self, team: str, set_name: str, page: PageRequest) -> Sequence[DeclaredObject]:
        after = page.after or ("", "")
        if not set_name:
            rows = await self._connection.fetch(
                """
                SELECT kind, name, set_name, applied_by, applied_at FROM declared_objects
                WHERE team = $1 AND (kind, name) > ($2, $3)
                ORDER BY kind, name
                LIMIT $4
                """,
                team,
                *after,
                page.size + 1,
            )
        else:
            rows = await self._connection.fetch(
                """
                SELECT kind, name, set_name, applied_by, applied_at FROM declared_objects
                WHERE team = $1 AND set_name = $2 AND (kind, name) > ($3, $4)
                ORDER BY kind, name
                LIMIT $5
                """,
                team,
                set_name,
                *after,
                page.size + 1,
            )
        return [_to_object(row) for row in rows]


def _to_object(row: Record) -> DeclaredObject:
    return DeclaredObject(Reference(row["kind"], row["name"]), row["set_name"], row["applied_by"], row["applied_at"])
