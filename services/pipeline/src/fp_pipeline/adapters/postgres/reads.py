"""Reads outside of a transaction."""

from collections.abc import Sequence

from fp_kernel import PageRequest
from fp_postgres import Database

from fp_pipeline.adapters.postgres.executions import PostgresExecutionReads
from fp_pipeline.adapters.postgres.logs import PostgresLogReads
from fp_pipeline.adapters.postgres.pipelines import PostgresPipelines
from fp_pipeline.domain.definition import Pipeline, PipelineType


class PostgresReads(PostgresExecutionReads, PostgresLogReads):
    def __init__(self, database: Database) -> None:
        PostgresExecutionReads.__init__(self, database)
        PostgresLogReads.__init__(self, database)
        self._pipelines = PostgresPipelines(database)

    async def pipeline(self, team: str, pipeline_id: str) -> Pipeline | None:
        return await self._pipelines.find(team, pipeline_id)

    async def pipeline_named(self, team: str, name: str) -> Pipeline | None:
        return await self._pipelines.find_named(team, name)

    async def pipelines(self, team: str, kind: PipelineType | None, page: PageRequest) -> Sequence[Pipeline]:
        return await self._pipelines.page(team, kind, page)
