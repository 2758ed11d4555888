"""Reads outside of a transaction."""

from collections.abc import Mapping, Sequence

from fp_kernel import PageRequest
from fp_postgres import Database

from fp_experiment.adapters.postgres.experiments import PostgresExperiments
from fp_experiment.adapters.postgres.lineage import PostgresLineage
from fp_experiment.adapters.postgres.points import PostgresPoints
from fp_experiment.adapters.postgres.runs import PostgresRuns
from fp_experiment.app.ports import PointRange, RunFilter, RunPage
from fp_experiment.domain.experiments import Experiment
from fp_experiment.domain.lineage import Lineage, Ref
from fp_experiment.domain.metrics import Point
from fp_experiment.domain.runs import Run


class PostgresReads:
    def __init__(self, database: Database) -> None:
        self._experiments = PostgresExperiments(database)
        self._runs = PostgresRuns(database)
        self._points = PostgresPoints(database)
        self._lineage = PostgresLineage(database)

    async def experiment(self, team: str, experiment_id: str) -> Experiment | None:
        return await self._experiments.find(team, experiment_id)

    async def experiment_named(self, team: str, name: str) -> Experiment | None:
        experiment_id = await self._experiments.id_of(team, name)
        return await self._experiments.find(team, experiment_id) if experiment_id else None

    async def experiments(self, team: str, page: PageRequest, *, archived: bool) -> Sequence[Experiment]:
        return await self._experiments.page(team, page, archived=archived)

    async def runs(self, team: str, wanted: RunFilter, page: PageRequest) -> RunPage:
        return await self._runs.page(team, wanted, page)

    async def find_runs(self, team: str, run_ids: Sequence[str], *, artifacts: bool = False) -> Sequence[Run]:
        return await self._runs.find(team, run_ids, artifacts=artifacts)

    async def run_sizes(self, team: str, run_ids: Sequence[str]) -> Mapping[str, int]:
        return await self._runs.sizes(team, run_ids)

    async def has_run(self, team: str, run_id: str) -> bool:
        return await self._runs.there(team, run_id)

    async def points(self, wanted: PointRange, after: tuple[str, int] | None, limit: int) -> Sequence[Point]:
        return await self._points.page(wanted, after, limit)

    async def downsampled(self, wanted: PointRange, limit: int) -> Sequence[Point]:
        return await self._points.downsampled(wanted, limit)

    async def lineage(self, team: str, start: Ref, limit: int) -> Lineage | None:
        return await self._lineage.around(team, start, limit)
