import asyncio

import pytest
from fp_events.cancellation import checkpoint, end, finish


async def cancelled_while(work, *, grace):
    started = asyncio.Event()

    async def started_work():
        started.set()
        await work()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(finish(started_work(), grace=grace))
        await started.wait()
        task.cancel()
    assert task.cancelled()


async def test_work_ends_before_its_cancellation_goes_on():
    done = []

    async def work():
        await asyncio.sleep(0.01)
        done.append(True)

    await cancelled_while(work, grace=5)
    assert done


async def test_work_that_does_not_end_in_its_grace_is_cut_off():
    ended = []

    async def work():
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    await cancelled_while(work, grace=0.01)
    assert ended


async def test_a_failure_during_the_grace_does_not_hide_the_cancellation():
    async def work():
        await asyncio.sleep(0.01)
        raise RuntimeError

    await cancelled_while(work, grace=5)


async def test_a_failure_without_cancellation_is_raised():
    async def work():
        raise RuntimeError("bug")

    with pytest.raises(RuntimeError, match="bug"):
        await finish(work(), grace=5)


async def test_a_swallowed_cancellation_is_raised_at_the_next_checkpoint():
    passed = asyncio.Event()

    async def swallowing():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            passed.set()
        checkpoint()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(swallowing())
        await asyncio.sleep(0)
        task.cancel()
    assert passed.is_set()
    assert task.cancelled()


async def test_a_checkpoint_lets_pass_who_is_not_cancelled():
    checkpoint()


async def test_a_task_that_loses_its_first_cancellation_is_ended_by_the_next():
    began, lost = asyncio.Event(), asyncio.Event()

    async def deaf():
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(deaf())
    await began.wait()

    await end(task)

    assert lost.is_set()
    assert task.cancelled()
