"""Pipelines and their revisions."""

from collections.abc import Sequence

from asyncpg import Record
from fp_kernel import AlreadyExists, PageRequest

from fp_pipeline.adapters.documents import definitions_from_text, definitions_to_text
from fp_pipeline.adapters.postgres.queries import Queries
from fp_pipeline.domain.definition import Pipeline, PipelineType

_COLUMNS = """
    p.id::text, p.team, p.name, p.type, p.revision, coalesce(p.then_pipeline_id::text, '') AS then_pipeline_id,
    p.created_by, p.created_at, r.steps
    FROM pipelines p JOIN pipeline_revisions r ON r.pipeline_id = p.id AND r.revision = p.revision
"""


class PostgresPipelines:
    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def add(self, pipeline: Pipeline) -> None:
        kept = await self._queries.fetchval(
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
        if kept is None:
            raise AlreadyExists(f"name: the team has a pipeline '{pipeline.name}'", reason="PIPELINE_EXISTS")
        await self._queries.execute(
            "INSERT INTO pipeline_revisions (pipeline_id, revision, steps) VALUES ($1::uuid, $2, $3::jsonb)",
            pipeline.id,
            pipeline.revision,
            definitions_to_text(pipeline.steps),
        )

    async def find(self, team: str, pipeline_id: str) -> Pipeline | None:
        row = await self._queries.fetchrow(
            f"SELECT {_COLUMNS} WHERE p.team = $1 AND p.id = $2::uuid",
            team,
            pipeline_id,
        )
        return _pipeline(row) if row else None

    async def page(self, team: str, kind: PipelineType | None, page: PageRequest) -> Sequence[Pipeline]:
        """Newest first."""
        rows = await self._queries.fetch(
            f"""
            SELECT {_COLUMNS}
            WHERE p.team = $1 AND ($2::text IS NULL OR p.type = $2) AND ($3::uuid IS NULL OR p.id < $3::uuid)
            ORDER BY p.id DESC LIMIT $4
            """,
            team,
            kind,
            page.after[0] if page.after else None,
            page.size,
        )
        return [_pipeline(row) for row in rows]


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
    )
