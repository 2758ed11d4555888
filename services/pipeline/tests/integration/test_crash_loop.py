"""A process that is killed while it counts, judges, retrains or hands on: every effect is there, and once."""

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
from fp_pipeline.app.count_requests import CountRequests
from fp_pipeline.app.retrain import DriftReport, Retrain
from fp_pipeline.app.worker import Worker, WorkerPolicy
from fp_pipeline.domain.definition import Pipeline, PipelineType, StepDefinition, StepType
from fp_pipeline.domain.execution import ExecutionStatus
from fp_pipeline.domain.policy import Backoff, EnginePolicy, LeasePolicy
from fp_pipeline.domain.progress import Progress
from fp_pipeline.domain.statistics import ANSWERED, Try
from fp_pipeline.domain.validation import JobModules
from fp_postgres import Database, DatabaseTransactions
from fp_postgres.signals import Subscriptions
from fp_testkit.crash import CrashedRun, CrashPoints
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import RunningClock
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

NOW = datetime(2013, 3, 1, 12, 30, tzinfo=UTC)
POLICY = EnginePolicy(
    backoff=Backoff(initial=0.001), compensation_backoff=Backoff(initial=0.001), drain=0.0, pause=0.001
)
# Longer than the test: a lease that ended by time would end on a slow machine under a worker that lives.
WORKER = WorkerPolicy(poll=0.1, lease=LeasePolicy(ttl=2 * PATIENCE, heartbeat=1.0))
MODULES = JobModules(frozenset({"work"}))
JUDGED = {"min_seconds": 0, "min_samples": 10, "max_error_rate": 0.2, "timeout_seconds": 30}
TRAINING = (
    StepDefinition("train", StepType.TRAIN, config={"module": "work", "outputs": ["model.onnx"]}),
    StepDefinition(
        "register", StepType.REGISTER, depends_on=("train",), config={"model": "delays", "artifact": "train/model.onnx"}
    ),
)
SAGA = (
    StepDefinition("deploy", StepType.DEPLOY),
    StepDefinition("canary", StepType.CANARY, config=JUDGED),
    StepDefinition("promote", StepType.PROMOTE),
)
REPORT = "r-1"


class Progressing:
    """Of the two executions: whether the canary has its share, and whether both have ended."""

    def __init__(self) -> None:
        self.shared, self.ended = asyncio.Event(), asyncio.Event()
        self._ended: set[str] = set()

    def written(self, progress: Progress) -> None:
        execution = progress.execution
        if any(each.step_id == "canary" and "since" in each.output for each in execution.steps):
            self.shared.set()
        if execution.status.ended:
            self.finished(execution.id)

    def finished(self, *ids: str) -> None:
        self._ended.update(ids)
        if len(self._ended) == 2:
            self.ended.set()


async def life(database: Database, path: str, training: str, crash: CrashPoints) -> None:
    """Hears of the drift and of requests as a durable consumer tells them, and works, until all has ended."""
    world, progressing = World(Path(path)), Progressing()
    real = DatabaseTransactions(database, PostgresTransaction)

    @asynccontextmanager
    async def transactions(command: Any = None) -> Any:
        crash.point()
        async with real(command) as tx:
            yield tx

    report = DriftReport("alpha", REPORT, training, {"model": "delays"})
    await Retrain(transactions, RunningClock())(report)
    progressing.finished(*await _ended(database))
    if progressing.ended.is_set():
        return
    if await _since(database):
        progressing.shared.set()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        running = group.create_task(_worker(database, world, transactions, progressing.written).run())
        await progressing.shared.wait()
        # Twice, as after a lost acknowledgement.
        for _ in range(2):
            await _requests(database, transactions)
        await progressing.ended.wait()
        running.cancel()


async def scenario(crash: CrashPoints, url: str, path: str, training: str) -> None:
    database = await Database.connect(url, source="pipeline")
    try:
        await life(database, path, training, crash)
    finally:
        await database.close()


async def _since(database: Database) -> str | None:
    """When the canary got its share."""
    since: str | None = await database.fetchval(
        "SELECT state -> 'output' ->> 'since' FROM step_executions WHERE step_id = 'canary'"
        " AND state -> 'output' ->> 'since' IS NOT NULL LIMIT 1"
    )
    return since


async def _requests(database: Database, transactions: Any) -> None:
    """Ten requests for the version."""
    at = datetime.fromisoformat(await _since(database) or "")
    requests = [
        Try(f"00000000-0000-7000-8000-{number:012}", "alpha", "delays", "2", at, ANSWERED, 10.0) for number in range(10)
    ]
    await CountRequests(transactions, "pipeline-canary")(requests)


async def _ended(database: Database) -> list[str]:
    rows = await database.fetch("SELECT id::text, status FROM executions")
    return [row["id"] for row in rows if ExecutionStatus(row["status"]).ended]


def _worker(database: Database, world: World, transactions: Any, written: Callable[[Progress], None]) -> Worker:
    peers = engine.Peers(
        registry=FakeRegistry(world),
        traffic=FakeTraffic(world),
        runtimes=FakeRuntimes(world),
        probe=FakeProbe(world),
        jobs=FakeJobs(world),
        artifacts=FakeArtifacts(world),
        tokens=FakeJobTokens(world),
        secrets=FakeSecrets(world),
    )
    clock, deployments = RunningClock(), PostgresDeploymentReads(database)
    statistics = PostgresStatisticsReads(database, "c")
    return engine.worker(
        engine.Stores(transactions, PostgresLeases(database), deployments, Subscriptions()),
        engine.steps(peers, deployments, statistics, POLICY, unread=all_read, modules=MODULES, clock=clock),
        POLICY,
        WORKER,
        clock,
        written=written,
    )


async def prepared(stage: Any, folder: Path) -> tuple[str, str, str]:
    """Version 1 is live; a training pipeline hands its version to a saga with a canary."""
    await stage.clear()
    path = folder / f"{new_id()}.json"
    world = World(path)
    world.add_version("delays", "1", stage="PRODUCTION")
    world.save()
    saga = Pipeline(new_id(), "alpha", "deploy", PipelineType.DEPLOYMENT_SAGA, SAGA, "ann", NOW)
    training = Pipeline(
        new_id(), "alpha", "train", PipelineType.TRAINING_DAG, TRAINING, "ann", NOW, then_pipeline_id=saga.id
    )
    async with DatabaseTransactions(stage.database, PostgresTransaction)() as tx:
        await tx.pipelines.add(saga)
        await tx.pipelines.add(training)
    await stage.database.execute(
        """
        INSERT INTO deployments (runtime, team, model_id, model_name, version_id, version, endpoint, weight_bps,
            execution_id, deployed_at, signature, artifact_digest, state)
        VALUES ('old', 'alpha', 'model-delays', 'delays', 'delays-1', '1', '127.0.0.1:1', 10000, gen_random_uuid(),
            timestamptz '2013-03-01Z', '', '', 'LIVE')
        """
    )
    return stage.url, str(path), training.id


async def test_from_drift_to_production_wherever_the_process_is_killed(kill_at, stage, tmp_path):
    async def check(run: CrashedRun) -> None:
        _, path, training = run.arguments
        database = stage.database
        await stage.others_gone()
        await life(database, path, training, CrashPoints(0))
        reads = PostgresReads(database)
        rows = await database.fetch("SELECT id::text, type FROM executions ORDER BY id")
        assert [row["type"] for row in rows] == ["TRAINING_DAG", "DEPLOYMENT_SAGA"], run.turn
        trained, deployed = [await reads.execution("alpha", row["id"]) for row in rows]
        assert deployed.status is ExecutionStatus.COMPLETED, (run.turn, deployed.error)
        assert trained.cause.triggered_by == f"drift-report:{REPORT}"
        assert trained.input == {"model": "delays", "report_id": REPORT}
        assert deployed.input == {"model": "delays", "version": "2"}
        canary = deployed.step("canary").output
        assert (canary["requests"], canary["errors"], canary["judged"]) == (10, 0, True)
        assert await database.fetchval("SELECT sum(count) FROM request_counts") == 10
        assert World(Path(path)).production("delays") == "delays-2"
        assert list(World(Path(path))["versions"]) == ["delays-1", "delays-2"]

    steps = await kill_at(scenario, check, arrange=lambda: prepared(stage, tmp_path))
    assert steps > 12
