"""A worker that is killed between any two steps of a fan-out: another one ends it, and no finished item runs again."""

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fp_kernel import new_id
from fp_pipeline import engine
from fp_pipeline.adapters.postgres.deployments import PostgresDeploymentReads
from fp_pipeline.adapters.postgres.leases import PostgresLeases
from fp_pipeline.adapters.postgres.reads import PostgresReads
from fp_pipeline.adapters.postgres.statistics import PostgresStatisticsReads
from fp_pipeline.adapters.postgres.transactions import PostgresTransaction
from fp_pipeline.app.worker import Worker, WorkerPolicy
from fp_pipeline.domain.definition import Pipeline, PipelineType, StepDefinition, StepType
from fp_pipeline.domain.execution import Execution, ExecutionStatus, StepStatus
from fp_pipeline.domain.policy import Backoff, EnginePolicy, LeasePolicy
from fp_pipeline.domain.progress import Progress
from fp_pipeline.domain.validation import JobModules
from fp_postgres import Database, DatabaseTransactions
from fp_postgres.signals import Subscriptions
from fp_testkit.crash import CrashedRun, CrashPoints
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import RunningClock
from pipeline_fakes.asked import execution_of
from pipeline_fakes.bus import all_read
from pipeline_fakes.peers import (
    FakeArtifacts,
    FakeJobs,
    FakeJobTokens,
    FakeRegistry,
    FakeTraffic,
)
from pipeline_fakes.probe import FakeProbe
from pipeline_fakes.runtimes import FakeRuntimes
from pipeline_fakes.secrets import FakeSecrets
from pipeline_fakes.world import World

NOW = datetime(2013, 3, 1, tzinfo=UTC)
POLICY = EnginePolicy(
    backoff=Backoff(initial=0.001), compensation_backoff=Backoff(initial=0.001), parallelism=2, pause=0.001
)
# Longer than the test: a lease that ended by time would end on a slow machine under a worker that lives.
WORKER = WorkerPolicy(poll=0.1, lease=LeasePolicy(ttl=2 * PATIENCE, heartbeat=1.0))
MODULES = JobModules(frozenset({"work"}))
FAN_OUT = {"items": ["a", "b"], "on_failure": "tolerate"}
STEPS = (
    StepDefinition(
        "each",
        StepType.CUSTOM,
        config={"module": "work", "outputs": ["scores.csv"], "fan_out": FAN_OUT},
        max_retries=1,
    ),
    StepDefinition("join", StepType.CUSTOM, depends_on=("each",), config={"module": "work"}),
)


async def work(database: Database, path: str, execution_id: str, crash: CrashPoints) -> None:
    """One worker, until the execution has ended."""
    if (await _found(database, execution_id)).status.ended:
        return
    ended = asyncio.Event()

    def written(progress: Progress) -> None:
        if progress.execution.status.ended:
            ended.set()

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        running = group.create_task(_worker(database, World(Path(path)), crash, written).run())
        await ended.wait()
        running.cancel()


async def scenario(crash: CrashPoints, url: str, path: str, execution_id: str) -> None:
    database = await Database.connect(url, source="pipeline")
    try:
        await work(database, path, execution_id, crash)
    finally:
        await database.close()


def _worker(database: Database, world: World, crash: CrashPoints, written: Callable[[Progress], None]) -> Worker:
    jobs = FakeJobs(world)
    # The second item never succeeds, whichever process runs it.
    jobs.results, jobs.failing = {"each.0": {"number": 0}}, {"each.1": 99}
    peers = engine.Peers(
        registry=FakeRegistry(world),
        traffic=FakeTraffic(world),
        runtimes=FakeRuntimes(world),
        probe=FakeProbe(world),
        jobs=crash.wrap(jobs),
        artifacts=FakeArtifacts(world),
        tokens=FakeJobTokens(world),
        secrets=FakeSecrets(world),
    )
    clock, real = RunningClock(), DatabaseTransactions(database, PostgresTransaction)

    @asynccontextmanager
    async def transactions(command: Any = None) -> Any:
        # Between here and the commit nothing is visible to anyone: one point stands for all of them.
        crash.point()
        async with real(command) as tx:
            yield tx

    deployments, statistics = PostgresDeploymentReads(database), PostgresStatisticsReads(database, "c")
    return engine.worker(
        engine.Stores(transactions, PostgresLeases(database), deployments, Subscriptions()),
        engine.steps(peers, deployments, statistics, POLICY, unread=all_read, modules=MODULES, clock=clock),
        POLICY,
        WORKER,
        clock,
        written=written,
    )


async def _found(database: Database, execution_id: str) -> Execution:
    found = await PostgresReads(database).execution("alpha", execution_id)
    assert found is not None
    return found


async def prepared(stage: Any, folder: Path) -> tuple[str, str, str]:
    await stage.clear()
    path = folder / f"{new_id()}.json"
    World(path).save()
    pipeline = Pipeline(new_id(), "alpha", "batch", PipelineType.BATCH_INFERENCE, STEPS, "ann", NOW)
    execution = execution_of(pipeline)
    async with DatabaseTransactions(stage.database, PostgresTransaction)() as tx:
        await tx.pipelines.add(pipeline)
        await tx.executions.add(execution)
    return stage.url, str(path), execution.id


async def finished(run: CrashedRun, stage: Any) -> tuple[Execution, World, list[str]]:
    """What is left when another worker has gone on: execution, world, subjects of the outbox."""
    _, path, execution_id = run.arguments
    database: Database = stage.database
    await stage.others_gone()
    before = await _found(database, execution_id)
    done = {item.step_id for item in before.items("each") if item.status is StepStatus.COMPLETED}
    calls = len(World(Path(path)).calls)
    await work(database, path, execution_id, CrashPoints(0))
    execution, world = await _found(database, execution_id), World(Path(path))
    touched = {call.rpartition("-")[2] for call in world.calls[calls:] if "_job " in call}
    assert not done & touched, (run.turn, "a finished item was looked at again")
    numbers = await database.fetch("SELECT sequence FROM transitions ORDER BY sequence")
    assert [row["sequence"] for row in numbers] == list(range(1, execution.sequence + 1))
    subjects = [row["subject"] for row in await database.fetch("SELECT subject FROM fp_outbox")]
    return execution, world, subjects


async def test_a_fan_out_with_a_broken_item_ends_the_same_wherever_its_worker_is_killed(kill_at, stage, tmp_path):
    async def check(run: CrashedRun) -> None:
        execution, world, subjects = await finished(run, stage)
        assert execution.status is ExecutionStatus.COMPLETED, (run.turn, execution.error)
        statuses = [item.status for item in execution.items("each")]
        assert statuses == [StepStatus.COMPLETED, StepStatus.FAILED]
        assert [item.attempt for item in execution.items("each")] == [1, 2]
        assert [item.item.value for item in execution.items("each")] == ["a", "b"]
        assert execution.step("each").output["results"] == [{"number": 0}, None]
        assert len(world["jobs"]) == 4, "one job an attempt, and the step behind"
        assert subjects.count("fp.pipelines.step.completed") == 2
        assert subjects.count("fp.pipelines.step.failed") == 0
        assert subjects.count("fp.pipelines.completed") == 1

    steps = await kill_at(scenario, check, arrange=lambda: prepared(stage, tmp_path))
    assert steps > 15
