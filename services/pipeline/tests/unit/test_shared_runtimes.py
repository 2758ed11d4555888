"""Small versions of a team share a process, and one that ends it gets its own."""

from dataclasses import replace

import pytest
from fp_kernel import Unavailable
from fp_pipeline.domain.definition import StepType
from fp_pipeline.domain.execution import ExecutionStatus


@pytest.fixture
def sharing(service):
    service.policy = replace(service.policy, shared_bytes=1_000)
    return service


def _places(service) -> dict[str, tuple[str, bool]]:
    """Endpoint, and whether it is shared, by version of the live deployments."""
    return {
        each.version_id: (each.endpoint, each.shared)
        for each in service.stores.state.deployments.values()
        if each.state.value == "LIVE"
    }


async def test_small_versions_of_a_team_get_one_process_and_a_large_one_its_own(sharing):
    for model in ("delays", "prices", "large"):
        sharing.world.add_version(model, "1")
    sharing.world["versions"]["large-1"]["size_bytes"] = 1_001
    for model in ("delays", "prices", "large"):
        execution = await sharing.deploy("1", *sharing.saga[:2], model=model)
        assert execution.status is ExecutionStatus.COMPLETED, execution.error
    places = _places(sharing)
    assert places["delays-1"] == places["prices-1"] == ("shared.alpha:1", True)
    assert places["large-1"][0] != "shared.alpha:1"
    assert not places["large-1"][1]


async def test_a_small_version_of_several_replicas_shares_no_process(sharing):
    sharing.world.add_version("delays", "1")
    deploy = sharing.step("deploy", StepType.DEPLOY, config={"replicas": {"min": 2, "max": 5, "target": 60}})
    await sharing.deploy("1", sharing.saga[0], deploy)
    (stored,) = sharing.world["runtimes"].values()
    assert (stored["shared"], stored["replicas"]) == (False, [2, 5, 60])


async def test_a_runtime_that_was_lost_has_its_replicas_again(sharing):
    sharing.world.add_version("delays", "1")
    deploy = sharing.step("deploy", StepType.DEPLOY, config={"replicas": {"min": 2}, "machine": {"memory": "2Gi"}})
    await sharing.deploy("1", sharing.saga[0], deploy)
    sharing.world["runtimes"].clear()
    await sharing.reconciler.once()
    (stored,) = sharing.world["runtimes"].values()
    assert (stored["replicas"], stored["memory"]) == ([2, 2, 70], "2Gi")


async def test_a_small_version_that_asks_for_a_machine_shares_no_process(sharing):
    sharing.world.add_version("delays", "1")
    deploy = sharing.step("deploy", StepType.DEPLOY, config={"machine": {"cpu": "2"}})
    await sharing.deploy("1", sharing.saga[0], deploy)
    (stored,) = sharing.world["runtimes"].values()
    assert not stored["shared"]


async def test_without_a_bound_each_version_has_a_process_of_its_own(service):
    service.world.add_version("delays", "1")
    await service.deploy("1", *service.saga[:2])
    assert _places(service)["delays-1"][1] is False


async def test_a_version_that_a_shared_process_refuses_is_deployed_alone(sharing):
    sharing.world.add_version("delays", "1")
    sharing.probe.alone.add("delays-1")
    execution = await sharing.deploy("1", *sharing.saga[:2])
    assert execution.status is ExecutionStatus.COMPLETED, execution.error
    endpoint, shared = _places(sharing)["delays-1"]
    assert (endpoint != "shared.alpha:1", shared) == (True, False)
    assert [stored["shared"] for stored in sharing.world["runtimes"].values()] == [False]


async def test_a_version_that_ends_its_process_later_moves_out_and_is_announced_at_its_new_address(sharing):
    for model in ("delays", "prices"):
        sharing.world.add_version(model, "1")
        await sharing.deploy("1", *sharing.saga[:2], model=model)
    sharing.probe.alone.add("delays-1")
    await sharing.reconciler.once()
    places = _places(sharing)
    assert places["prices-1"] == ("shared.alpha:1", True)
    endpoint, shared = places["delays-1"]
    assert (endpoint != "shared.alpha:1", shared) == (True, False)
    event = sharing.stores.events[-1]
    assert (event.type, event.payload.version_id, event.payload.endpoint) == (
        "fp.pipelines.model.deployed",
        "delays-1",
        endpoint,
    )
    events = len(sharing.stores.events)
    await sharing.reconciler.once()
    assert len(sharing.stores.events) == events, "a second look finds nothing to do"


async def test_a_shared_runtime_that_was_lost_is_shared_again(sharing):
    sharing.world.add_version("delays", "1")
    await sharing.deploy("1", *sharing.saga[:2])
    sharing.world["runtimes"].clear()
    await sharing.reconciler.once()
    assert [stored["shared"] for stored in sharing.world["runtimes"].values()] == [True]


async def test_a_shared_runtime_that_does_not_answer_stops_no_reconciling(sharing, monkeypatch):
    async def away(*_arguments):
        raise Unavailable("it restarts")

    sharing.world.add_version("delays", "1")
    await sharing.deploy("1", *sharing.saga[:2])
    monkeypatch.setattr(sharing.probe, "outcasts", away)
    sharing.world["runtimes"]["runtime-of-nobody"] = {"address": "127.0.0.1:9", "version_id": "x"}
    await sharing.reconciler.once()
    assert "runtime-of-nobody" not in sharing.world["runtimes"]
