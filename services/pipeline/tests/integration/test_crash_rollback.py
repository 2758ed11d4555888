"""A replica that is killed between any two steps of a rollback: another one ends it, nothing is done twice or left."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fp_kernel import Command, new_id
from fp_pipeline.adapters.postgres.deployments import PostgresDeploymentReads
from fp_pipeline.adapters.postgres.promotions import PostgresPromotionReads
from fp_pipeline.adapters.postgres.statistics import PostgresStatisticsReads
from fp_pipeline.adapters.postgres.transactions import PostgresTransaction
from fp_pipeline.app.peers import Actor
from fp_pipeline.app.promotions import RollBackPromotion, WatchPromotions
from fp_pipeline.domain.definition import Pipeline, PipelineType, StepDefinition, StepType
from fp_pipeline.domain.deployment import Deployment
from fp_pipeline.domain.objective import Objective
from fp_pipeline.domain.promotion import Promotion, PromotionState
from fp_postgres import Database, DatabaseTransactions
from fp_testkit.clock import ManualClock
from fp_testkit.crash import CrashedRun, CrashPoints
from fp_testkit.patience import PATIENCE
from pipeline_fakes.asked import execution_of
from pipeline_fakes.peers import FakeRegistry, FakeTraffic
from pipeline_fakes.world import World

NOW = datetime(2013, 3, 1, tzinfo=UTC)
OLD, NEW = (f"runtime-0000000000007000800000000000000{n}-1-deploy" for n in (1, 2))
STEPS = (StepDefinition("promote", StepType.PROMOTE),)


def rollback(database: Database, world: World, crash: CrashPoints) -> tuple[RollBackPromotion, WatchPromotions]:
    real, clock = DatabaseTransactions(database, PostgresTransaction), ManualClock(NOW)

    @asynccontextmanager
    async def transactions(command: Command | None = None) -> AsyncIterator[Any]:
        crash.point()
        async with real(command) as tx:
            yield tx
        crash.point()

    traffic, registry = crash.wrap(FakeTraffic(world)), crash.wrap(FakeRegistry(world))
    roll_back = RollBackPromotion(transactions, traffic, registry, clock, drain=0.0, ended=lambda _: None)
    watch = WatchPromotions(
        transactions=transactions,
        promotions=PostgresPromotionReads(database),
        statistics=PostgresStatisticsReads(database, "c"),
        traffic=traffic,
        roll_back=roll_back,
        clock=clock,
        drain=0.0,
        every=1.0,
        ended=lambda _: None,
    )
    return roll_back, watch


async def scenario(crash: CrashPoints, url: str, path: str) -> None:
    """Someone asks for the rollback."""
    database = await Database.connect(url, source="pipeline")
    try:
        roll_back, _ = rollback(database, World(Path(path)), crash)
        command = Command(team="alpha", rpc="test", key="", fingerprint=b"", encode=lambda _: b"")
        async with asyncio.timeout(PATIENCE):
            await roll_back(Actor("alpha", "ann"), "delays", "worse", command)
    finally:
        await database.close()


def deployment(runtime: str, version: str, execution_id: str) -> Deployment:
    return Deployment(
        runtime, "alpha", "model-delays", "delays", f"delays-{version}", version, "127.0.0.1:1", 0, execution_id, NOW
    )


def promotion(execution_id: str) -> Promotion:
    return Promotion(
        team="alpha",
        model_id="model-delays",
        model_name="delays",
        execution_id=execution_id,
        runtime=NEW,
        version="2",
        version_id="delays-2",
        incumbent="delays-1",
        before={"1": 10_000},
        objective=Objective(),
        promoted_at=NOW,
        warm_until=NOW + timedelta(minutes=15),
        actor="ann",
    )


async def prepared(stage: Any, folder: Path) -> tuple[str, str]:
    """Version 2 was promoted over version 1, which is warm."""
    await stage.clear()
    path = folder / f"{new_id()}.json"
    world = World(path)
    for version, stage_name in (("1", "ARCHIVED"), ("2", "PRODUCTION")):
        world.add_version("delays", version, stage=stage_name)
        world["versions"][f"delays-{version}"]["was_production"] = True
    world["splits"]["delays"] = {"1": 0, "2": 10_000}
    world.save()
    pipeline = Pipeline(new_id(), "alpha", "deploy", PipelineType.DEPLOYMENT_SAGA, STEPS, "ann", NOW)
    execution = execution_of(pipeline)
    async with DatabaseTransactions(stage.database, PostgresTransaction)() as tx:
        await tx.pipelines.add(pipeline)
        await tx.executions.add(execution)
        await tx.deployments.deploy(deployment(OLD, "1", execution.id))
        await tx.deployments.deploy(deployment(NEW, "2", execution.id))
        await tx.deployments.set_weights("alpha", "delays", {"1": 0, "2": 10_000})
        await tx.promotions.watch(promotion(execution.id))
    return stage.url, str(path)


async def test_a_rollback_is_done_wherever_its_replica_is_killed(kill_at, stage, tmp_path):
    async def check(run: CrashedRun) -> None:
        _, path = run.arguments
        database: Database = stage.database
        await stage.others_gone()
        world, reads = World(Path(path)), PostgresPromotionReads(database)
        left = await reads.find("alpha", "delays")
        assert left is not None
        if left.state is PromotionState.WATCHED:
            # Killed before it was decided: nothing has happened, and whoever asked asks again.
            assert world["splits"]["delays"] == {"1": 0, "2": 10_000}
            await scenario(CrashPoints(0), *run.arguments)
            world = World(Path(path))
        await rollback(database, world, CrashPoints(0))[1].once()
        found = await reads.find("alpha", "delays")
        assert found is not None
        assert (found.state, found.reason, found.ended_by) == (PromotionState.ROLLED_BACK, "worse", "ann"), run.turn
        live = await PostgresDeploymentReads(database).all_live()
        assert {each.version: each.weight_bps for each in live} == {"1": 10_000}
        assert world["splits"]["delays"] == {"1": 10_000, "2": 0}
        assert world.production("delays") == "delays-1"
        assert await database.fetchval("SELECT count(*) FROM deployment_turns") == 0
        subjects = [row["subject"] for row in await database.fetch("SELECT subject FROM fp_outbox")]
        assert subjects == ["fp.pipelines.model.undeployed"]

    steps = await kill_at(scenario, check, arrange=lambda: prepared(stage, tmp_path))
    assert steps >= 7
