import asyncio

import pytest
from fp_kernel import Unavailable
from fp_kernel.backoff import Backoff
from fp_runtime.keeping import Keeper
from fp_runtime.tasks import OUTBOX, Tasks, kept, repeated
from fp_testkit.patience import PATIENCE


async def _for_ever(events: list[str], name: str) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        events.append(name)


def keeper(clock, count=lambda: None) -> Keeper:
    return Keeper("work", clock, count)


async def test_the_outbox_ends_after_those_that_add_to_it_and_before_what_was_started_first():
    events: list[str] = []
    async with asyncio.TaskGroup() as group:
        tasks = Tasks(group, lambda _name, _error: None)
        for name in ("ingest", OUTBOX, "consumer", "another"):
            tasks.start(name, _for_ever(events, name))
        await asyncio.sleep(0)

        assert await tasks.cancel(5.0) == ()

    assert events == ["consumer", "another", OUTBOX, "ingest"]


async def test_tasks_finish_side_by_side_so_that_each_has_the_whole_time():
    seen = []

    async def finishing() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            seen.append("begins")
            await asyncio.sleep(0)
            seen.append("ends")

    async with asyncio.TaskGroup() as group:
        tasks = Tasks(group, lambda _name, _error: None)
        tasks.start("one", finishing())
        tasks.start("two", finishing())
        await asyncio.sleep(0)

        assert await tasks.cancel(PATIENCE) == ()

    assert seen == ["begins", "begins", "ends", "ends"]


async def test_a_task_that_was_cancelled_by_a_call_of_its_own_has_failed():
    seen: list[tuple[str, str]] = []

    async def call() -> None:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    async with asyncio.TaskGroup() as group:
        tasks = Tasks(group, lambda name, error: seen.append((name, type(error).__name__)))
        tasks.start("relay", call())

    assert seen == [("relay", "Interrupted")]


async def test_a_failure_is_told_with_the_name_of_the_task_and_leaves_the_others_running():
    seen: list[tuple[str, str]] = []
    events: list[str] = []

    async def fail() -> None:
        raise RuntimeError("broken")

    async with asyncio.TaskGroup() as group:
        tasks = Tasks(group, lambda name, error: seen.append((name, str(error))))
        tasks.start("relay", _for_ever(events, "relay"))
        tasks.start("consumer", fail())
        await asyncio.sleep(0)
        await asyncio.sleep(0)

        assert seen == [("consumer", "broken")]
        assert events == []
        await tasks.cancel(5.0)


async def test_a_task_that_does_not_end_is_named_and_does_not_hold_the_stop():
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    async with asyncio.TaskGroup() as group:
        tasks = Tasks(group, lambda _name, _error: None)
        tasks.start("consumer", stubborn())
        await asyncio.sleep(0)

        assert await tasks.cancel(0.01) == ("consumer",)
        release.set()


@pytest.fixture
def quick(monkeypatch):
    """No pause between two attempts."""
    monkeypatch.setattr("fp_runtime.keeping._BACKOFF", Backoff(first=0.0, longest=0.0))


@pytest.mark.parametrize("error", [ConnectionError(), Unavailable("away"), TypeError("ours"), asyncio.CancelledError()])
async def test_kept_work_starts_again_after_any_failure_and_ends_when_it_ends(clock, quick, error):
    attempts, counted = [], []

    async def work() -> None:
        attempts.append(len(attempts))
        if len(attempts) < 3:
            raise error

    await kept(keeper(clock, lambda: counted.append(1)), work)

    assert (len(attempts), len(counted)) == (3, 2)


async def test_kept_work_can_be_cancelled(clock):
    started = asyncio.Event()

    async def work() -> None:
        started.set()
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(kept(keeper(clock), work))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_repeated_work_goes_on_whatever_happens_to_one_turn(clock, quick):
    turns, enough = [], asyncio.Event()

    async def work() -> None:
        turns.append(len(turns))
        if len(turns) == 4:
            enough.set()
        if len(turns) % 2:
            raise TypeError

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        task = group.create_task(repeated(keeper(clock), 0.0, work))
        await enough.wait()
        task.cancel()


def test_an_outage_shows_after_the_third_failure_and_a_fault_of_the_program_at_once(clock):
    passing, ours = keeper(clock), keeper(clock)
    for expected in (False, False, True):
        passing.begins()
        passing.failed(Unavailable("away"))
        assert passing.failing is expected
    ours.begins()
    ours.failed(TypeError())
    assert ours.failing


def test_a_task_that_lives_for_a_minute_or_ends_well_fails_no_more(clock):
    task = keeper(clock)
    task.failed(TypeError())
    task.begins()
    assert task.failing
    clock.advance(61)
    assert not task.failing
    task.failed(TypeError())
    task.begins()
    task.ended()
    assert not task.failing


def test_pauses_grow_and_begin_anew_after_a_minute_of_life(clock):
    task = keeper(clock)
    pauses = [task.failed(ConnectionError()) for _ in range(3)]
    assert 0.25 <= pauses[0] <= 0.5
    assert 1.0 <= pauses[2] <= 2.0
    task.begins()
    clock.advance(61)
    assert task.failed(ConnectionError()) <= 0.5
