import asyncio

import pytest
from fp_runtime.tasks import Tasks, kept


async def _for_ever(events: list[str], name: str) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        events.append(name)


async def test_tasks_end_in_the_reverse_order_of_their_start():
    events: list[str] = []
    async with asyncio.TaskGroup() as group:
        tasks = Tasks(group, lambda _name, _error: None)
        for name in ("relay", "consumer"):
            tasks.start(name, _for_ever(events, name))
        await asyncio.sleep(0)

        assert await tasks.cancel(5.0) == ()

    assert events == ["consumer", "relay"]


async def test_a_failure_is_told_with_the_name_of_the_task_and_leaves_the_others_running():
    told: list[tuple[str, str]] = []
    events: list[str] = []

    async def fail() -> None:
        raise RuntimeError("broken")

    async with asyncio.TaskGroup() as group:
        tasks = Tasks(group, lambda name, error: told.append((name, str(error))))
        tasks.start("relay", _for_ever(events, "relay"))
        tasks.start("consumer", fail())
        await asyncio.sleep(0)
        await asyncio.sleep(0)

        assert told == [("consumer", "broken")]
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


async def test_kept_work_starts_again_after_a_failure_and_ends_when_it_ends(monkeypatch):
    monkeypatch.setattr("fp_runtime.tasks._FIRST_DELAY", 0.0)
    attempts: list[int] = []

    async def work() -> None:
        attempts.append(len(attempts))
        if len(attempts) < 3:
            raise ConnectionError

    await kept("consumer", work)

    assert len(attempts) == 3


async def test_kept_work_can_be_cancelled(monkeypatch):
    started = asyncio.Event()

    async def work() -> None:
        started.set()
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(kept("consumer", work))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
