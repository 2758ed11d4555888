"""The stores of pipeline over a real Postgres, and the same in memory."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import pytest
from fp_kernel import new_id
from fp_pipeline.adapters.postgres.deployments import PostgresDeploymentReads
from fp_pipeline.adapters.postgres.leases import PostgresLeases
from fp_pipeline.adapters.postgres.reads import PostgresReads
from fp_pipeline.adapters.postgres.transactions import PostgresTransaction
from fp_pipeline.domain.definition import Pipeline, PipelineType, StepDefinition, StepType
from fp_pipeline.domain.deployment import Deployment
from fp_pipeline.domain.execution import Cause, Execution
from fp_postgres import Database, DatabaseTransactions
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import RunningClock
from pipeline_fakes.asked import execution_of
from pipeline_fakes.stores import MemoryStores

_SURVIVOR = "survivor"
MIGRATIONS = resources.files("fp_pipeline") / "migrations"


@dataclass
class Stores:
    transactions: Any
    reads: Any
    leases: Any
    deployments: Any


NOW = datetime(2013, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
STEPS = (
    StepDefinition("a", StepType.TRAIN, "First", config={"module": "work", "months": [1, 2]}, timeout=1.5),
    StepDefinition("b", StepType.CUSTOM, depends_on=("a",), max_retries=2, config={"nested": {"x": None}}),
)


def a_pipeline(name: str = "p", team: str = "alpha", kind: PipelineType = PipelineType.TRAINING_DAG) -> Pipeline:
    return Pipeline(new_id(), team, name, kind, STEPS, "ann", NOW)


def an_execution(pipeline: Pipeline) -> Execution:
    cause = Cause("ann", "event-1", "corr-1", {"traceparent": "00-1-2-01"})
    return execution_of(pipeline, {"model": "delays", "rate": 0.5}, cause)


async def saved(stores: "Stores", *, team: str = "alpha", name: str = "p") -> Execution:
    pipeline = a_pipeline(name, team)
    execution = an_execution(pipeline)
    async with stores.transactions() as tx:
        await tx.pipelines.add(pipeline)
        await tx.executions.add(execution)
    return execution


def a_deployment(execution: Execution, version: str = "1", attempt: int = 1) -> Deployment:
    return Deployment(
        runtime=f"runtime-{execution.id.replace('-', '')}-{attempt}-a",
        team=execution.team,
        model_id="m1",
        model_name="delays",
        version_id=f"v{version}",
        version=version,
        endpoint="127.0.0.1:1000",
        weight_bps=0,
        execution_id=execution.id,
        deployed_at=NOW,
        signature=b"\x0a\x00",
        artifact_digest="sha256:1",
    )


@dataclass(frozen=True)
class Made:
    """Values that tests store in the stores."""

    now: datetime = NOW

    def pipeline(self, *arguments: Any) -> Pipeline:
        return a_pipeline(*arguments)

    def execution(self, of: Pipeline) -> Execution:
        return an_execution(of)

    def deployment(self, of: Execution, version: str = "1", attempt: int = 1) -> Deployment:
        return a_deployment(of, version, attempt)

    async def saved(self, stores: "Stores", *, team: str = "alpha", name: str = "p") -> Execution:
        """A pending execution of a pipeline of its own."""
        return await saved(stores, team=team, name=name)


@pytest.fixture(scope="session")
def made() -> Made:
    return Made()


@pytest.fixture
async def database(databases) -> AsyncIterator[Database]:
    opened = await Database.connect(await databases.create(MIGRATIONS, service="pipeline"), source="pipeline")
    yield opened
    await opened.close()


@pytest.fixture
def memory_stores() -> Stores:
    memory = MemoryStores(RunningClock())
    return Stores(memory.transactions, memory.reads, memory.execution_store, memory.deployments)


@pytest.fixture
def postgres_stores(database: Database) -> Stores:
    return Stores(
        DatabaseTransactions(database, PostgresTransaction),
        PostgresReads(database),
        PostgresLeases(database),
        PostgresDeploymentReads(database),
    )


@pytest.fixture(params=["memory_stores", "postgres_stores"])
def stores(request: pytest.FixtureRequest) -> Stores:
    found: Stores = request.getfixturevalue(request.param)
    return found


@dataclass(frozen=True)
class Stage:
    """One database for all runs of `kill_at`: to make one for each would take most of the time.

    url: for the process that dies. database: of this process, which goes on where the other one stopped.
    tables: those that the migrations leave empty.
    """

    url: str
    database: Database
    tables: Sequence[str]

    async def clear(self) -> None:
        """Nobody else is connected, and the tables are as after the migrations."""
        await self._cut()
        await self.database.execute(f"TRUNCATE {', '.join(self.tables)}")

    async def others_gone(self) -> None:
        """No execution waits for the lease of the process that was killed, whose last statement has ended too.

        Waiting for the lease itself would need one so short that a busy machine takes it from a worker that lives.
        """
        await self._cut()
        await self.database.execute("UPDATE executions SET lease_until = now() WHERE lease_until > now()")

    async def _cut(self) -> None:
        """The server notices only later that a process is dead, and meanwhile still does what it had asked for."""
        others = (
            "FROM pg_stat_activity WHERE datname = current_database() AND application_name <> $1"
            " AND backend_type = 'client backend'"
        )
        # Each is waited for until it is gone.
        await self.database.execute(
            f"SELECT pg_terminate_backend(pid, {round(PATIENCE * 1_000)}) {others}",
            _SURVIVOR,
        )
        assert await self.database.fetchval(f"SELECT count(*) {others}", _SURVIVOR) == 0


@pytest.fixture
async def stage(databases) -> AsyncIterator[Stage]:
    url = await databases.create(MIGRATIONS, service="pipeline")
    database = await Database.connect(url, source=_SURVIVOR)
    # What is deployed before the run belongs to an execution that is not there.
    await database.execute("ALTER TABLE deployments DROP CONSTRAINT deployments_execution_id_fkey")
    names = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    empty = [
        row["tablename"]
        for row in names
        if not await database.fetchval(f"SELECT EXISTS (SELECT FROM {row['tablename']})")  # noqa: S608 -- of the server
    ]
    yield Stage(url, database, empty)
    await database.close()
