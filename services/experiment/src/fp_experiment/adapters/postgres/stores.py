"""All stores over one pool or one transaction."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from fp_kernel import Command, PageRequest
from fp_postgres import Database, Transaction

from fp_experiment.adapters.events import to_event
from fp_experiment.adapters.postgres.experiments import PostgresExperiments
from fp_experiment.adapters.postgres.lineage import PostgresLineage
from fp_experiment.adapters.postgres.points import PostgresPoints
from fp_experiment.adapters.postgres.runs import PostgresRuns
from fp_experiment.app.ports import PointRange, RunFilter, RunPage
from fp_experiment.domain.events import DomainEvent
from fp_experiment.domain.experiments import Experiment
from fp_experiment.domain.lineage import Lineage, Ref
from fp_experiment.domain.metrics import Point
from fp_experiment.domain.runs import Run


class PostgresOutbox:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, event: DomainEvent) -> None:
        self._transaction.outbox.add(to_event(event))


class PostgresUnit:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.experiments = PostgresExperiments(transaction)
        self.runs = PostgresRuns(transaction)
        self.lineage = PostgresLineage(transaction)
        self.outbox = PostgresOutbox(transaction)

    async def complete(self, command: Command, result: object) -> None:
        await self._transaction.complete(command, result)


class PostgresTransactions:
    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def __call__(self, command: Command) -> AsyncIterator[PostgresUnit]:
        async with self._database.transaction(command) as transaction:
            yield PostgresUnit(transaction)


class PostgresReads:
    def __init__(self, database: Database) -> None:
        self._experiments = PostgresExperiments(database)
        self._runs = PostgresRuns(database)
        self._points = PostgresPoints(database)
        self._lineage = PostgresLineage(database)

    async def experiment(self, team: str, experiment_id: str) -> Experiment | None:
        return await self._experiments.find(team, experiment_id)

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

    async def thinned(self, wanted: PointRange, limit: int) -> Sequence[Point]:
        return await self._points.thinned(wanted, limit)

    async def lineage(self, team: str, start: Ref, limit: int) -> Lineage | None:
        return await self._lineage.around(team, start, limit)
