"""Model versions of one process: loaded when they are asked, unloaded when memory gets scarce."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from fp_kernel import FailedPrecondition, NotFound, ResourceExhausted, Unavailable
from fp_kernel.packing import pack
from fp_kernel.tensors import ElementType
from fp_serving.app.residents import ResidentPolicy, Residents
from fp_serving.app.session import Asked
from fp_serving.app.slot import Assignment
from fp_serving.domain.lifecycle import LoadFailed, ModelState
from fp_testkit.patience import PATIENCE

_INPUTS = {"x": pack([1.0], ElementType.FLOAT32, "x")}
_NEVER = float("inf")


def _make(world: Any, *, shared: bool = True, limit: int = 30, most: int = 100) -> Residents:
    return Residents(
        team="alpha",
        sessions=world.session,
        policy=ResidentPolicy(limit, most=most, wait=0.05, drain=PATIENCE),
        clock=world.clock,
        names=world if shared else None,
        attempts=world if shared else None,
        observer=world,
    )


@asynccontextmanager
async def _running(residents: Residents, first: Assignment | None = None) -> AsyncIterator[Residents]:
    task = asyncio.create_task(residents.run(first))
    await asyncio.sleep(0)
    try:
        yield residents
    finally:
        task.cancel()
        await asyncio.wait({task})


def _asked(version: str, *, by_id: bool = True, model: str = "delays") -> Asked:
    return Asked(model, version, f"v-{version}" if by_id else "")


async def _ask(residents: Residents, world: Any, version: str, *, by_id: bool = True) -> str:
    world.clock.advance(1.0)
    return (await residents.predict(_asked(version, by_id=by_id), _INPUTS, deadline=_NEVER)).version


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0)


async def test_a_version_is_loaded_when_it_is_asked_and_stays(world: Any) -> None:
    async with _running(_make(world)) as residents:
        assert [await _ask(residents, world, "1") for _ in range(3)] == ["1"] * 3
        assert world.loads == ["v-1"]
        assert residents.memory_bytes == 10


async def test_callers_that_come_together_wait_for_one_load(world: Any) -> None:
    async with _running(_make(world)) as residents:
        await asyncio.gather(*(_ask(residents, world, "1") for _ in range(20)))
        assert world.loads == ["v-1"]


async def test_the_least_recently_used_makes_room_and_comes_back_when_it_is_asked(world: Any) -> None:
    async with _running(_make(world, limit=30)) as residents:
        for version in ("1", "2", "3", "1", "4"):
            await _ask(residents, world, version)
        states = {each.version: each.status.state for each in residents.all}
        assert states.pop("2") is ModelState.UNLOADED
        assert set(states.values()) == {ModelState.READY}
        assert (world.evictions, residents.memory_bytes) == (1, 30)
        await _until(lambda: world.runners[1].closed)
        assert await _ask(residents, world, "2") == "2"
        assert world.loads == ["v-1", "v-2", "v-3", "v-4", "v-2"]


async def test_a_model_that_makes_room_answers_its_last_requests(world: Any) -> None:
    async with _running(_make(world, limit=10)) as residents:
        await _ask(residents, world, "1")
        runner = world.runners[0]
        runner.gate.clear()
        late = asyncio.create_task(_ask(residents, world, "1"))
        await _until(lambda: runner.asked == 2)
        await _ask(residents, world, "2")
        assert not runner.closed
        runner.gate.set()
        assert await late == "1"
        await _until(lambda: runner.closed)


async def test_a_load_that_does_not_end_costs_its_own_callers_their_wait_and_nobody_else(world: Any) -> None:
    world.stuck.add("v-2")
    async with _running(_make(world)) as residents:
        await _ask(residents, world, "1")
        with pytest.raises(Unavailable) as caught:
            await _ask(residents, world, "2")
        assert (caught.value.reason, caught.value.retry_after) == ("MODEL_NOT_READY", 1.0)
        assert await _ask(residents, world, "1") == "1"


async def test_a_caller_whose_time_is_over_waits_no_longer(world: Any) -> None:
    world.stuck.add("v-2")
    residents = _make(world)
    residents.policy = ResidentPolicy(30, wait=PATIENCE)
    async with _running(residents):
        with pytest.raises(Unavailable):
            await residents.predict(_asked("2"), _INPUTS, deadline=world.clock.monotonic())


async def test_a_version_of_which_only_the_label_is_known_is_looked_up(world: Any) -> None:
    async with _running(_make(world)) as residents:
        assert await _ask(residents, world, "3", by_id=False) == "3"
        assert await _ask(residents, world, "3") == "3"
        assert world.loads == ["v-3"]
        with pytest.raises(NotFound):
            await residents.predict(Asked("other", "1"), _INPUTS, deadline=_NEVER)
        await _ask(residents, world, "4")
        with pytest.raises(NotFound) as caught:
            await residents.predict(Asked("delays"), _INPUTS, deadline=_NEVER)
        assert caught.value.reason == "WRONG_RUNTIME"


async def test_a_model_that_is_larger_than_all_may_be_is_refused_by_its_reason(world: Any) -> None:
    world.sizes["v-1"] = 31
    async with _running(_make(world, limit=30)) as residents:
        await _ask(residents, world, "2")
        with pytest.raises(FailedPrecondition) as caught:
            await _ask(residents, world, "1")
        assert caught.value.reason == "MODEL_FAILED"
        assert residents.find(_asked("1")).status.reason == "MODEL_TOO_LARGE"
        assert residents.find(_asked("2")).status.state is ModelState.READY


async def test_a_version_that_ended_processes_is_refused_and_the_others_are_not(world: Any) -> None:
    async with _running(_make(world)) as residents:
        with pytest.raises(FailedPrecondition):
            await _ask(residents, world, "bad")
        assert residents.find(_asked("bad")).status.reason == "QUARANTINED"
        assert await _ask(residents, world, "1") == "1"
        assert world.attempted == ["v-bad", "v-1"]


async def test_a_failed_load_is_tried_again_when_someone_says_so_and_not_by_each_request(world: Any) -> None:
    world.broken["v-1"] = LoadFailed("not a model")
    async with _running(_make(world)) as residents:
        for _ in range(3):
            with pytest.raises(FailedPrecondition):
                await _ask(residents, world, "1")
        assert world.loads == ["v-1"]
        world.broken.clear()
        residents.load(Assignment("alpha", "v-1", "delays"), "1")
        assert await _ask(residents, world, "1") == "1"


async def test_what_is_loaded_is_not_loaded_again(world: Any) -> None:
    async with _running(_make(world)) as residents:
        for _ in range(2):
            residents.load(Assignment("alpha", "v-1", "delays"), "1")
        await _ask(residents, world, "1")
        residents.load(Assignment("alpha", "v-1", "delays"), "1")
        assert world.loads == ["v-1"]


async def test_an_unloaded_version_answers_what_is_under_way_and_refuses_what_comes_until_it_is_loaded(
    world: Any,
) -> None:
    async with _running(_make(world)) as residents:
        await _ask(residents, world, "1")
        world.runners[0].gate.clear()
        late = asyncio.create_task(_ask(residents, world, "1"))
        await _until(lambda: world.runners[0].asked == 2)
        unloading = asyncio.create_task(residents.unload(residents.find(_asked("1")), "superseded"))
        await asyncio.sleep(0)
        with pytest.raises(FailedPrecondition) as caught:
            await _ask(residents, world, "1")
        assert caught.value.reason == "MODEL_UNLOADED"
        assert not unloading.done()
        world.runners[0].gate.set()
        assert await late == "1"
        await unloading
        resident = residents.find(_asked("1"))
        assert (resident.status.state, resident.status.message) == (ModelState.UNLOADED, "superseded")
        assert (world.runners[0].closed, residents.memory_bytes) == (True, 0)
        residents.load(resident.assignment, "1")
        assert await _ask(residents, world, "1") == "1"


async def test_a_load_under_way_ends_with_its_unload(world: Any) -> None:
    world.stuck.add("v-1")
    async with _running(_make(world)) as residents:
        resident = residents.load(Assignment("alpha", "v-1", "delays"), "1")
        await _until(lambda: world.attempted == ["v-1"])
        await residents.unload(resident, "")
        assert await _ask(residents, world, "2") == "2", "the next load has its turn"


async def test_versions_that_are_not_loaded_are_forgotten_before_there_are_too_many(world: Any) -> None:
    async with _running(_make(world, limit=20, most=3)) as residents:
        for version in ("1", "2", "3", "4", "5"):
            await _ask(residents, world, version)
        assert len(residents.all) == 3
        assert await _ask(residents, world, "1") == "1", "a version that was forgotten is found again"


async def test_a_process_full_of_loaded_versions_refuses_another(world: Any) -> None:
    async with _running(_make(world, most=2)) as residents:
        await _ask(residents, world, "1")
        await _ask(residents, world, "2")
        with pytest.raises(ResourceExhausted) as caught:
            await _ask(residents, world, "3")
        assert caught.value.reason == "RUNTIME_FULL"


async def test_a_process_of_one_version_refuses_all_others_and_never_unloads_it(world: Any) -> None:
    world.sizes["v-1"] = 1_000
    first = Assignment("alpha", "v-1", "delays")
    async with AsyncExitStack() as stack:
        residents = await stack.enter_async_context(_running(_make(world, shared=False), first))
        await _until(lambda: residents.all[0].status.state is ModelState.READY)
        for asked in (Asked(), Asked("delays"), Asked("delays", "1"), Asked("delays", "v-1"), _asked("1")):
            assert (await residents.predict(asked, _INPUTS, deadline=_NEVER)).version == "1"
        for asked in (_asked("2"), Asked("other", "1"), Asked("delays", "2"), Asked("other", "1", "v-1")):
            with pytest.raises(NotFound) as caught:
                await residents.predict(asked, _INPUTS, deadline=_NEVER)
            assert caught.value.reason == "WRONG_RUNTIME"
        residents.load(Assignment("alpha", "v-2", "delays"), "2")
        assert await _ask(residents, world, "2") == "2", "another version beside it, before the traffic moves"
        assert await _ask(residents, world, "1") == "1"
        assert world.evictions == 0


def test_nobody_of_another_team_gets_in(world: Any) -> None:
    residents = _make(world)
    residents.check_team("")
    residents.check_team("alpha")
    with pytest.raises(NotFound):
        residents.check_team("beta")
