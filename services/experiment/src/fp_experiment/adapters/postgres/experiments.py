"""Experiments."""

import json
from collections.abc import Sequence

from asyncpg import Record
from asyncpg.exceptions import UniqueViolationError
from fp_kernel import PageRequest
from fp_postgres import Connection

from fp_experiment.domain.experiments import Described, Experiment

_COLUMNS = "id::text, team, name, description, tags, owner_id, created_at, updated_at, archived_at"
_AFTER_EVERY_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"


class PostgresExperiments:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, experiment: Experiment) -> bool:
        stored = await self._connection.fetchval(
            """
            INSERT INTO experiments (id, team, name, description, tags, owner_id, created_at, updated_at)
            VALUES ($1::uuid, $2, $3, $4, $5::jsonb, $6, $7, $7)
            ON CONFLICT (team, name) DO NOTHING
            RETURNING true
            """,
            experiment.id,
            experiment.team,
            experiment.described.name,
            experiment.described.description,
            json.dumps(dict(experiment.described.tags)),
            experiment.owner_id,
            experiment.created_at,
        )
        return stored is not None

    async def id_of(self, team: str, name: str) -> str:
        found = await self._connection.fetchval(
            "SELECT id::text FROM experiments WHERE team = $1 AND name = $2", team, name
        )
        return str(found or "")

    async def find(self, team: str, experiment_id: str) -> Experiment | None:
        return await self._one(team, experiment_id, "")

    async def locked(self, team: str, experiment_id: str) -> Experiment | None:
        return await self._one(team, experiment_id, "FOR UPDATE")

    async def shared(self, team: str, experiment_id: str) -> Experiment | None:
        return await self._one(team, experiment_id, "FOR SHARE")

    async def save(self, experiment: Experiment) -> bool:
        try:
            await self._connection.execute(
                """
                UPDATE experiments SET name = $2, description = $3, tags = $4::jsonb, updated_at = $5, archived_at = $6
                WHERE id = $1::uuid
                """,
                experiment.id,
                experiment.described.name,
                experiment.described.description,
                json.dumps(dict(experiment.described.tags)),
                experiment.updated_at,
                experiment.archived_at,
            )
        except UniqueViolationError:
            return False
        return True

    async def page(self, team: str, page: PageRequest, *, archived: bool) -> Sequence[Experiment]:
        rows = await self._connection.fetch(
            f"""
            SELECT {_COLUMNS} FROM experiments AS experiment
            WHERE team = $1 AND id < $2::uuid AND {"true" if archived else "archived_at IS NULL"}
            ORDER BY experiment.id DESC LIMIT $3
            """,  # noqa: S608 -- constants
            team,
            page.after[0] if page.after else _AFTER_EVERY_ID,
            page.size + 1,
        )
        return [_experiment(row) for row in rows]

    async def _one(self, team: str, experiment_id: str, lock: str) -> Experiment | None:
        row = await self._connection.fetchrow(
            f"SELECT {_COLUMNS} FROM experiments WHERE team = $1 AND id = $2::uuid {lock}",  # noqa: S608 -- constants
            team,
            experiment_id,
        )
        return _experiment(row) if row else None


def _experiment(row: Record) -> Experiment:
    return Experiment(
        id=row["id"],
        team=row["team"],
        described=Described(row["name"], row["description"], json.loads(row["tags"])),
        owner_id=row["owner_id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        archived_at=row["archived_at"],
    )
