"""Another number of runtimes: new ones are announced when they are ready, and those too many end without calls."""

from dataclasses import replace

import pytest
from fp_kernel import FailedPrecondition, InvalidArgument, NotFound
from fp_pipeline.app.scale_deployment import Wanted
from fp_pipeline.domain.definition import StepType
from fp_pipeline.domain.replicas import Replicas
from fp_rpc.client.targets import addresses_of
from fp_testkit.wallclock import MOMENT, StandingClock

DRAIN = 5.0


@pytest.fixture
async def serving(service):
    """Version 1 with two runtimes."""
    service.world.add_version("delays", "1")
    deploy = service.step("deploy", StepType.DEPLOY, config={"replicas": {"min": 2}})
    await service.deploy("1", service.saga[0], deploy)
    service.policy, service.clock = replace(service.policy, drain=DRAIN), StandingClock(MOMENT)
    return service


async def scaled(service, *wanted, version="1"):
    return await service.do.scale_deployment(service.ann, "delays", version, Wanted(*wanted), service.command())


def announced(service):
    """How many addresses the deployment has, and how many processes run."""
    (deployment,), (stored,) = service.stores.state.deployments.values(), service.world["runtimes"].values()
    return len(addresses_of(deployment.endpoint)), len(stored["addresses"])


def is_settled(service):
    (deployment,) = service.stores.state.deployments.values()
    return not deployment.scaling and deployment.trim_at is None


async def rounds(service, number=1):
    for _ in range(number):
        await service.reconciler.once()


def later(service, seconds=DRAIN):
    service.clock.advance(seconds)


async def test_new_runtimes_are_announced_when_they_are_ready(serving):
    serving.probe.slow.add("delays-1")
    answer = await scaled(serving, 4)
    assert (answer.replicas, answer.scaling) == (Replicas(4, 4), True)
    events = len(serving.stores.events)

    await rounds(serving, 3)
    assert announced(serving) == (2, 4)
    assert len(serving.stores.events) == events

    serving.probe.slow.clear()
    await rounds(serving)
    assert announced(serving) == (4, 4)
    assert len(addresses_of(serving.stores.events[-1].payload.endpoint)) == 4
    assert len(serving.stores.events) == events + 1

    later(serving)
    await rounds(serving, 2)
    assert is_settled(serving)
    assert serving.settled == [1]


async def test_runtimes_that_are_too_many_end_when_they_have_had_no_calls_for_a_while(serving):
    await scaled(serving, 1)
    await rounds(serving, 3)
    assert announced(serving) == (1, 2)
    assert len(addresses_of(serving.stores.events[-1].payload.endpoint)) == 1

    later(serving, DRAIN - 1)
    await rounds(serving)
    assert announced(serving) == (1, 2)

    later(serving, 1)
    await rounds(serving)
    assert announced(serving) == (1, 1)
    assert is_settled(serving)


async def test_what_was_to_end_goes_on_when_more_are_wanted_again(serving):
    await scaled(serving, 1)
    await rounds(serving)
    await scaled(serving, 3)
    later(serving)
    await rounds(serving, 2)
    assert announced(serving) == (3, 3)
    later(serving)
    await rounds(serving)
    assert announced(serving) == (3, 3)
    assert is_settled(serving)


async def test_one_that_was_never_announced_ends_at_once(serving):
    serving.probe.slow.add("delays-1")
    await scaled(serving, 4)
    await rounds(serving)
    serving.probe.slow.clear()
    await scaled(serving, 2)
    await rounds(serving)
    assert announced(serving) == (2, 2)
    assert is_settled(serving)


async def test_a_new_runtime_that_cannot_load_the_version_takes_nothing_from_the_others(serving):
    serving.probe.broken.add("delays-1")
    await scaled(serving, 3)
    await rounds(serving, 2)
    assert announced(serving) == (2, 3)
    await scaled(serving, 2)
    serving.probe.broken.clear()
    await rounds(serving)
    assert announced(serving) == (2, 2)


@pytest.mark.parametrize("wanted", [4, 1])
@pytest.mark.parametrize("call", ["start_runtime", "look", "trim_runtime", "running"])
async def test_a_round_that_dies_anywhere_leaves_it_to_the_next(serving, wanted, call):
    await scaled(serving, wanted)

    def dies():
        raise InterruptedError(call)

    serving.world.fail(call, times=1, fault=dies)
    for _ in range(4):
        try:
            await rounds(serving)
        except InterruptedError:
            continue
        later(serving)
    assert announced(serving) == (wanted, wanted)
    assert is_settled(serving)


async def test_a_change_is_followed_when_whoever_keeps_them_counts_them_all(serving):
    """Behind one name of a cluster the first that is ready answers for all."""
    (stored,) = serving.world["runtimes"].values()
    stored["starting"] = True
    await scaled(serving, 3)
    later(serving)
    await rounds(serving, 2)
    later(serving)
    await rounds(serving)
    assert not is_settled(serving)
    del stored["starting"]
    await rounds(serving)
    assert is_settled(serving)


async def test_a_replica_that_is_gone_comes_back_and_the_others_are_not_forgotten(serving):
    (stored,) = serving.world["runtimes"].values()
    stored["addresses"].pop()
    await rounds(serving)
    assert announced(serving) == (2, 2)


async def test_one_deployment_that_cannot_be_had_keeps_no_other_from_its_runtime(serving):
    serving.world.add_version("prices", "1")
    await serving.deploy("1", *serving.saga[:2], model="prices")
    serving.world["runtimes"].clear()
    serving.world.fail("start_runtime", times=1)
    await rounds(serving)
    assert len(serving.world["runtimes"]) == 1


async def test_only_a_live_version_with_a_process_of_its_own_is_scaled(serving):
    with pytest.raises(NotFound, match="no version 2"):
        await scaled(serving, 2, version="2")
    serving.policy = replace(serving.policy, shared_bytes=1_000_000)
    serving.world.add_version("small", "1")
    await serving.deploy("1", *serving.saga[:2], model="small")
    with pytest.raises(FailedPrecondition, match="shares a process") as refused:
        await serving.do.scale_deployment(serving.ann, "small", "1", Wanted(2), serving.command())
    assert refused.value.reason == "RUNTIME_SHARED"


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ((0,), "min_replicas"),
        ((-1,), "min_replicas"),
        ((65,), "min_replicas"),
        ((3, 2), "max_replicas"),
        ((3, 65), "max_replicas"),
        ((1, 1, 101), "target_percent"),
        ((1, 1, -1), "target_percent"),
    ],
)
async def test_a_number_that_cannot_be_is_refused_by_its_field(serving, wanted, field):
    with pytest.raises(InvalidArgument) as refused:
        await scaled(serving, *wanted)
    assert [each.field for each in refused.value.fields] == [field]


async def test_what_is_not_said_stays_as_it_is(serving):
    assert (await scaled(serving, 2, 6, 40)).replicas == Replicas(2, 6, 40)
    assert (await scaled(serving, 3)).replicas == Replicas(3, 3, 40)
