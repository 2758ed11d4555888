"""A worker that is killed between any two steps of a deployment: another one ends it, done or undone, nothing left."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fp_kernel import Command, FailedPrecondition, new_id
from fp_pipeline import engine
from fp_pipeline.adapters.postgres.deployments import PostgresDeploymentReads
from fp_pipeline.adapters.postgres.leases import PostgresLeases
from fp_pipeline.adapters.postgres.reads import PostgresReads
from fp_pipeline.adapters.postgres.statistics import PostgresStatisticsReads
from fp_pipeline.adapters.postgres.transactions import PostgresTransaction
from fp_pipeline.app.reconcile import Reconciler
from fp_pipeline.app.scale_deployment import FollowScale
from fp_pipeline.app.worker import Worker, WorkerPolicy
from fp_pipeline.domain.definition import Pipeline, PipelineType, StepDefinition, StepType
from fp_pipeline.domain.deployment import Deployment
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
    backoff=Backoff(initial=0.001),
    compensation_backoff=Backoff(initial=0.001),
    compensation_attempts=3,
    drain=0.0,
    pause=0.001,
)
# Longer than the test: a lease that ended by time would end on a slow machine under a worker that lives.
WORKER = WorkerPolicy(poll=0.1, lease=LeasePolicy(ttl=2 * PATIENCE, heartbeat=1.0))
STEPS = (
    StepDefinition("validate", StepType.VALIDATE),
    StepDefinition("deploy", StepType.DEPLOY),
    StepDefinition("canary", StepType.CANARY, config={"weight_bps": 500, "min_seconds": 0}),
    StepDefinition("promote", StepType.PROMOTE),
)
OLD = "runtime-00000000000070008000000000000001-1-deploy"
FAILING, SUCCEEDING = "the registry refuses", ""


async def work(database: Database, path: str, execution_id: str, trouble: str, crash: CrashPoints) -> None:
    """One worker, until the execution has ended."""
    if (await _found(database, execution_id)).status.ended:
        return
    ended = asyncio.Event()

    def written(progress: Progress) -> None:
        if progress.execution.status.ended:
            ended.set()

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        worker = _worker(database, World(Path(path)), trouble, crash, written)
        running = group.create_task(worker.run())
        await ended.wait()
        running.cancel()


async def scenario(crash: CrashPoints, url: str, path: str, execution_id: str, trouble: str) -> None:
    database = await Database.connect(url, source="pipeline")
    try:
        await work(database, path, execution_id, trouble, crash)
    finally:
        await database.close()


def _worker(
    database: Database, world: World, trouble: str, crash: CrashPoints, written: Callable[[Progress], None]
) -> Worker:
    if trouble:
        world.fail("promote", 99, lambda: FailedPrecondition(trouble))
    peers = engine.Peers(
        registry=crash.wrap(FakeRegistry(world)),
        traffic=crash.wrap(FakeTraffic(world)),
        runtimes=crash.wrap(FakeRuntimes(world)),
        probe=crash.wrap(FakeProbe(world)),
        jobs=FakeJobs(world),
        artifacts=FakeArtifacts(world),
        tokens=FakeJobTokens(world),
        secrets=FakeSecrets(world),
    )
    deployments, clock, real = (
        PostgresDeploymentReads(database),
        RunningClock(),
        DatabaseTransactions(database, PostgresTransaction),
    )

    @asynccontextmanager
    async def transactions(command: Command | None = None) -> AsyncIterator[Any]:
        # Between here and the commit nothing is visible to anyone: one point stands for all of them.
        crash.point()
        async with real(command) as tx:
            yield tx

    return engine.worker(
        engine.Stores(transactions, PostgresLeases(database), deployments, Subscriptions()),
        engine.steps(
            peers,
            deployments,
            PostgresStatisticsReads(database, "c"),
            POLICY,
            unread=all_read,
            modules=JobModules(frozenset()),
            clock=clock,
        ),
        POLICY,
        WORKER,
        clock,
        written=written,
    )


async def _found(database: Database, execution_id: str) -> Execution:
    found = await PostgresReads(database).execution("alpha", execution_id)
    assert found is not None
    return found


async def prepared(stage: Any, folder: Path, trouble: str) -> tuple[str, str, str, str]:
    """Version 1 is live and version 2 is asked for."""
    await stage.clear()
    path = folder / f"{new_id()}.json"
    world = World(path)
    world.add_version("delays", "1", stage="PRODUCTION")
    world["versions"]["delays-1"]["was_production"] = True
    world.add_version("delays", "2")
    world["runtimes"][OLD] = {"address": "127.0.0.1:1", "version_id": "delays-1"}
    world["splits"]["delays"] = {"1": 10_000}
    world.save()
    pipeline = Pipeline(new_id(), "alpha", "deploy", PipelineType.DEPLOYMENT_SAGA, STEPS, "ann", NOW)
    execution = execution_of(pipeline, {"model": "delays", "version": "2"})
    live = Deployment(OLD, "alpha", "model-delays", "delays", "delays-1", "1", "127.0.0.1:1", 10_000, new_id(), NOW)
    async with DatabaseTransactions(stage.database, PostgresTransaction)() as tx:
        await tx.pipelines.add(pipeline)
        await tx.executions.add(execution)
        await tx.deployments.deploy(live)
    return stage.url, str(path), execution.id, trouble


async def finished(run: CrashedRun, stage: Any) -> tuple[Execution, World, dict[str, int], list[str]]:
    """What is left when another worker has gone on: execution, world, live weights, subjects of the outbox."""
    _, path, execution_id, trouble = run.arguments
    database: Database = stage.database
    await stage.others_gone()
    await work(database, path, execution_id, trouble, CrashPoints(0))
    world = World(Path(path))
    deployments, transactions = PostgresDeploymentReads(database), DatabaseTransactions(database, PostgresTransaction)
    runtimes, probe = FakeRuntimes(world), FakeProbe(world)
    kept_up = (transactions, deployments, runtimes, probe, RunningClock())
    await Reconciler(*kept_up, follow_scale=FollowScale(*kept_up, drain=0), every=1).once()
    execution = await _found(database, execution_id)
    live = {each.version: each.weight_bps for each in await deployments.all_live()}
    assert await database.fetchval("SELECT count(*) FROM deployment_turns") == 0
    numbers = await database.fetch("SELECT sequence FROM transitions ORDER BY sequence")
    assert [row["sequence"] for row in numbers] == list(range(1, execution.sequence + 1))
    subjects = [row["subject"] for row in await database.fetch("SELECT subject FROM fp_outbox")]
    return execution, world, live, subjects


async def test_a_deployment_is_done_wherever_its_worker_is_killed(kill_at, stage, tmp_path):
    async def check(run: CrashedRun) -> None:
        execution, world, live, subjects = await finished(run, stage)
        assert execution.status is ExecutionStatus.COMPLETED, (run.turn, execution.error)
        assert [each.attempt for each in execution.steps] == [1, 1, 1, 1]
        assert live == {"2": 10_000}
        assert world["splits"]["delays"] == {"1": 0, "2": 10_000}
        assert world.production("delays") == "delays-2"
        assert [saved["version_id"] for saved in world["runtimes"].values()] == ["delays-2"]
        assert subjects.count("fp.pipelines.model.deployed") == 1
        assert subjects.count("fp.pipelines.model.undeployed") == 1
        assert subjects.count("fp.pipelines.step.completed") == 4
        assert subjects.count("fp.pipelines.completed") == 1

    steps = await kill_at(scenario, check, arrange=lambda: prepared(stage, tmp_path, SUCCEEDING))
    assert steps > 20


async def test_a_deployment_is_undone_wherever_its_worker_is_killed(kill_at, stage, tmp_path):
    async def check(run: CrashedRun) -> None:
        execution, world, live, subjects = await finished(run, stage)
        assert execution.status is ExecutionStatus.FAILED, run.turn
        assert execution.error == "step 'promote': the registry refuses"
        assert [each.status for each in execution.steps[:3]] == [StepStatus.COMPENSATED] * 3
        assert live == {"1": 10_000}
        assert world["splits"]["delays"] == {"1": 10_000, "2": 0}
        assert world.production("delays") == "delays-1"
        assert list(world["runtimes"]) == [OLD]
        assert subjects.count("fp.pipelines.model.deployed") == 1
        assert subjects.count("fp.pipelines.model.undeployed") == 1
        assert subjects.count("fp.pipelines.failed") == 1

    steps = await kill_at(scenario, check, arrange=lambda: prepared(stage, tmp_path, FAILING))
    assert steps > 30
