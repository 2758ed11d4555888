"""A replica is killed between any two steps of a change of runtimes: another one follows it, and nothing is left."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fp_kernel import Command, new_id
from fp_pipeline.adapters.postgres.deployments import PostgresDeploymentReads
from fp_pipeline.adapters.postgres.transactions import PostgresTransaction
from fp_pipeline.app.peers import Actor
from fp_pipeline.app.reconcile import Reconciler
from fp_pipeline.app.scale_deployment import FollowScale, ScaleDeployment, Wanted
from fp_pipeline.domain.definition import Pipeline, PipelineType, StepDefinition, StepType
from fp_pipeline.domain.deployment import Deployment
from fp_pipeline.domain.replicas import Replicas
from fp_postgres import Database, DatabaseTransactions
from fp_rpc.client.targets import addresses_of
from fp_testkit.clock import ManualClock
from fp_testkit.crash import CrashedRun, CrashPoints
from fp_testkit.patience import PATIENCE
from pipeline_fakes.asked import execution_of
from pipeline_fakes.probe import FakeProbe
from pipeline_fakes.runtimes import FakeRuntimes
from pipeline_fakes.world import World

NOW = datetime(2013, 3, 1, tzinfo=UTC)
RUNTIME = "runtime-00000000000070008000000000000001-1-deploy"
STEPS = (StepDefinition("deploy", StepType.DEPLOY),)
DRAIN = 5.0
ADDRESSES = ["127.0.0.1:20000", "127.0.0.1:21000"]


async def scaled(database: Database, world: World, crash: CrashPoints, wanted: int) -> None:
    """Asked for, unless it was, and followed for as many rounds as it takes."""
    real, clock = DatabaseTransactions(database, PostgresTransaction), ManualClock(NOW)

    @asynccontextmanager
    async def transactions(command: Command | None = None) -> AsyncIterator[Any]:
        crash.point()
        async with real(command) as tx:
            yield tx
        crash.point()

    deployments = PostgresDeploymentReads(database)
    command = Command(team="alpha", rpc="test", key="k", fingerprint=b"", encode=lambda _: b"")
    (before,) = await deployments.all_live()
    if before.replicas.least != wanted:
        scale = ScaleDeployment(transactions, deployments)
        await scale(Actor("alpha", "ann"), "delays", "1", Wanted(wanted), command)
    kept_up = (transactions, crash.wrap(deployments), crash.wrap(FakeRuntimes(world)), FakeProbe(world), clock)
    reconciler = Reconciler(*kept_up, follow_scale=FollowScale(*kept_up, drain=DRAIN), every=1.0)
    for _ in range(4):
        await reconciler.once()
        clock.advance(DRAIN)


async def scenario(crash: CrashPoints, url: str, path: str, wanted: int) -> None:
    database = await Database.connect(url, source="pipeline")
    try:
        async with asyncio.timeout(PATIENCE):
            await scaled(database, World(Path(path)), crash, wanted)
    finally:
        await database.close()


async def prepared(stage: Any, folder: Path, wanted: int) -> tuple[str, str, int]:
    """Version 1 has two runtimes."""
    await stage.clear()
    path = folder / f"{new_id()}.json"
    world = World(path)
    world.add_version("delays", "1")
    endpoint = f"ipv4:{','.join(ADDRESSES)}"
    world["runtimes"][RUNTIME] = {"address": endpoint, "addresses": [*ADDRESSES], "port": 20_000, "shared": False}
    world.save()
    pipeline = Pipeline(new_id(), "alpha", "deploy", PipelineType.DEPLOYMENT_SAGA, STEPS, "ann", NOW)
    execution = execution_of(pipeline)
    live = Deployment(
        RUNTIME, "alpha", "model-delays", "delays", "delays-1", "1", endpoint, 10_000, execution.id, NOW,
        replicas=Replicas(2, 2),
    )  # fmt: skip
    async with DatabaseTransactions(stage.database, PostgresTransaction)() as tx:
        await tx.pipelines.add(pipeline)
        await tx.executions.add(execution)
        await tx.deployments.deploy(live)
    return stage.url, str(path), wanted


@pytest.mark.parametrize("wanted", [3, 1])
async def test_a_change_is_followed_wherever_its_replica_is_killed(kill_at, stage, tmp_path, wanted):
    async def check(run: CrashedRun) -> None:
        _, path, _ = run.arguments
        database: Database = stage.database
        await stage.others_gone()
        world = World(Path(path))
        await scaled(database, world, CrashPoints(0), wanted)
        (live,) = await PostgresDeploymentReads(database).all_live()
        assert (live.replicas, live.scaling, live.trim_at) == (Replicas(wanted, wanted), False, None), run.turn
        assert len(addresses_of(live.endpoint)) == wanted
        assert world["runtimes"][RUNTIME]["addresses"] == list(addresses_of(live.endpoint))
        subjects = [row["subject"] for row in await database.fetch("SELECT subject FROM fp_outbox")]
        assert subjects == ["fp.pipelines.model.deployed"], "announced once"

    steps = await kill_at(scenario, check, arrange=partial(prepared, stage, tmp_path, wanted))
    assert steps >= 10
