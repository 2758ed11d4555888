"""Pipelines and their revisions."""

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record
from fp_kernel import AlreadyExists, PageRequest
from fp_postgres import Connection

from fp_pipeline.adapters.postgres.step_columns import definitions_from_text, definitions_to_text
from fp_pipeline.domain.definition import Pipeline, PipelineType

COLUMNS = """
    p.id::text, p.team, p.name, p.type, p.revision, coalesce(p.then_pipeline_id::text, '') AS then_pipeline_id,
    p.created_by, p.created_at, p.changed_by, r.steps
    FROM pipelines p JOIN pipeline_revisions r ON r.pipeline_id = p.id AND r.revision = p.revision
"""


class PostgresPipelines:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, pipeline: Pipeline) -> None:
        stored = await self._connection.fetchval(
            """
            INSERT INTO pipelines (id, team, name, type, revision, created_by, created_at, then_pipeline_id)
            VALUES ($1::uuid, $2, $3, $4, $5, $6, $7, $8::uuid)
            ON CONFLICT (team, name) DO NOTHING
            RETURNING true
            """,
            pipeline.id,
            pipeline.team,
            pipeline.name,
            pipeline.type,
            pipeline.revision,
            pipeline.created_by,
            pipeline.created_at,
            pipeline.then_pipeline_id or None,
        )
        if stored is None:
            raise _taken(pipeline.name)
        await self._revision(pipeline)

    async def _revision(self, pipeline: Pipeline) -> None:
        await self._connection.execute(
            "INSERT INTO pipeline_revisions (pipeline_id, revision, steps) VALUES ($1::uuid, $2, $3::jsonb)",
            pipeline.id,
            pipeline.revision,
            definitions_to_text(pipeline.steps),
        )

    async def find(self, team: str, pipeline_id: str) -> Pipeline | None:
        row = await self._connection.fetchrow(
            f"SELECT {COLUMNS} WHERE p.team = $1 AND p.id = $2::uuid AND p.deleted_at IS NULL",
            team,
            pipeline_id,
        )
        return _pipeline(row) if row else None

    async def find_named(self, team: str, name: str) -> Pipeline | None:
        row = await self._connection.fetchrow(
            f"SELECT {COLUMNS} WHERE p.team = $1 AND p.name = $2 AND p.deleted_at IS NULL",
            team,
            name,
        )
        return _pipeline(row) if row else None

    async def lock(self, team: str, pipeline_id: str) -> Pipeline | None:
        # A statement of its own: one that waited for the lock would read the steps as they were before the wait.
        await self._connection.execute(
            "SELECT 1 FROM pipelines WHERE team = $1 AND id = $2::uuid FOR UPDATE", team, pipeline_id
        )
        return await self.find(team, pipeline_id)

    async def change(self, present: Pipeline, changed: Pipeline) -> None:
        if changed.name != present.name:
            taken = await self._connection.fetchval(
                "SELECT true FROM pipelines WHERE team = $1 AND name = $2", present.team, changed.name
            )
            if taken:
                raise _taken(changed.name)
        await self._revision(changed)
        await self._connection.execute(
            """
            UPDATE pipelines SET name = $2, revision = $3, then_pipeline_id = $4::uuid, changed_by = $5
            WHERE id = $1::uuid
            """,
            changed.id,
            changed.name,
            changed.revision,
            changed.then_pipeline_id or None,
            changed.changed_by,
        )

    async def starter_of(self, team: str, pipeline_id: str) -> str:
        name = await self._connection.fetchval(
            """
            SELECT name FROM pipelines
            WHERE then_pipeline_id = $2::uuid AND team = $1 AND deleted_at IS NULL LIMIT 1
            """,
            team,
            pipeline_id,
        )
        return str(name or "")

    async def delete(self, pipeline_id: str, at: datetime) -> None:
        await self._connection.execute("UPDATE pipelines SET deleted_at = $2 WHERE id = $1::uuid", pipeline_id, at)

    async def page(self, team: str, kind: PipelineType | None, page: PageRequest) -> Sequence[Pipeline]:
        """Newest first."""
        # A condition that is not asked for is left out: a statement that covers all cases gets a plan that fits none.
        where = ["p.team = $1", "p.deleted_at IS NULL"]
        if kind is not None:
            where.append(f"p.type = '{kind.value}'")
        if page.after is not None:
            where.append("p.id < $2::uuid")
        rows = await self._connection.fetch(
            f"SELECT {COLUMNS} WHERE {' AND '.join(where)} ORDER BY p.id DESC LIMIT {page.size:d}",
            team,
            *(page.after or ()),
        )
        return [_pipeline(row) for row in rows]


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(f"name: the team has a pipeline '{name}'", reason="PIPELINE_EXISTS")


def _pipeline(row: Record) -> Pipeline:
    return Pipeline(
        id=row["id"],
        team=row["team"],
        name=row["name"],
        type=PipelineType(row["type"]),
        steps=definitions_from_text(row["steps"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
        revision=row["revision"],
        then_pipeline_id=row["then_pipeline_id"],
        changed_by=row["changed_by"],
    )
