"""Runtimes are brought to what the deployments say."""

from fp_pipeline.app.reconcile import Reconciler
from fp_pipeline.app.scale_deployment import FollowScale
from fp_pipeline.domain.definition import PipelineType, StepType
from fp_pipeline.domain.execution import StepStatus
from fp_testkit.clock import ManualClock


async def test_a_live_deployment_without_a_runtime_gets_one(service):
    service.world.add_version("delays", "1")
    await service.deploy("1")
    (name,) = service.world["runtimes"]
    old = service.world["runtimes"].pop(name)["address"]
    service.world["runtimes"]["someone-elses"] = {"address": "127.0.0.1:1", "version_id": "x"}
    await service.reconciler.once()
    new = service.world["runtimes"][name]["address"]
    assert new != old
    (deployment,) = service.stores.state.deployments.values()
    assert deployment.endpoint == new
    event = service.stores.events[-1]
    assert event.type == "fp.pipelines.model.deployed"
    assert event.payload.endpoint == new
    assert event.payload.weight_bps == 10_000
    events = len(service.stores.events)
    await service.reconciler.once()
    assert len(service.stores.events) == events, "a second look finds nothing to do"


async def test_a_runtime_that_nobody_has_a_right_to_is_stopped(service):
    service.world.add_version("delays", "1")
    execution = await service.deploy("1")
    zombie = f"runtime-{execution.id.replace('-', '')}-7-deploy"
    service.world["runtimes"][zombie] = {"address": "127.0.0.1:9", "version_id": "delays-1"}
    await service.reconciler.once()
    assert zombie not in service.world["runtimes"]
    assert len(service.world["runtimes"]) == 1


async def test_the_runtime_of_an_attempt_that_runs_is_left_alone(service):
    service.world.add_version("delays", "1")
    service.probe.slow.add("delays-1")
    pipeline = await service.pipeline(PipelineType.DEPLOYMENT_SAGA, service.step("deploy", StepType.DEPLOY))
    execution = await service.trigger(pipeline, model="delays", version="1")
    async with service.working():
        await service.until(
            execution.id,
            lambda seen: seen.step("deploy").status is StepStatus.RUNNING and bool(service.world["runtimes"]),
        )
        await service.reconciler.once()
        assert len(service.world["runtimes"]) == 1


def by_clock(service, clock):
    stores, peers = service.stores, service.peers
    kept_up = (stores.transactions, stores.deployments, peers.runtimes, peers.probe, clock)
    return Reconciler(*kept_up, follow_scale=FollowScale(*kept_up, drain=0), every=1)


async def outdated(service, *models):
    """Deployed, and of another chart than the one of today."""
    for model in models:
        service.world.add_version(model, "1")
        await service.deploy("1", model=model)
    for stored in service.world["runtimes"].values():
        stored["outdated"] = True


def left(service):
    return sum("outdated" in stored for stored in service.world["runtimes"].values())


async def test_a_runtime_of_another_chart_is_renewed_when_no_pipeline_of_before_can_be_left(service):
    clock = ManualClock()
    reconciler = by_clock(service, clock)
    await outdated(service, "delays")

    await reconciler.once()
    clock.advance(89)
    await reconciler.once()
    assert left(service) == 1, "the one of before would take it back"
    clock.advance(1)
    await reconciler.once()

    assert left(service) == 0


async def test_runtimes_are_renewed_one_after_the_other(service):
    clock = ManualClock()
    reconciler = by_clock(service, clock)
    await outdated(service, "delays", "fares")
    await reconciler.once()
    clock.advance(90)

    found = []
    for _ in range(3):
        await reconciler.once()
        found.append(left(service))

    assert found == [1, 0, 0]


async def test_one_that_cannot_be_renewed_keeps_no_other_from_it(service):
    clock = ManualClock()
    reconciler = by_clock(service, clock)
    await outdated(service, "delays", "fares")
    await reconciler.once()
    clock.advance(90)
    first = next(iter(service.stores.state.deployments.values())).runtime

    service.world.fail("start_runtime", times=1)
    await reconciler.once()
    assert left(service) == 2
    await reconciler.once()
    assert [name for name, each in service.world["runtimes"].items() if "outdated" in each] == [first]

    clock.advance(90)
    await reconciler.once()
    assert left(service) == 0
