"""Long conversions are few at a time, whoever waits for them."""

import asyncio
import threading

import pytest
from fp_kernel import ResourceExhausted
from fp_rpc.conversions import Conversions
from fp_testkit.patience import PATIENCE

LARGE = 1024 * 1024


@pytest.fixture
async def conversions():
    made = Conversions(most_small=3, most_large=2)
    yield made
    await made.close()


class Held:
    """Work that goes on until it is let go. most: how many ran at once."""

    def __init__(self):
        self.go = threading.Event()
        self.begun = 0
        self.running = 0
        self.most = 0
        self._lock = threading.Lock()

    def __call__(self):
        with self._lock:
            self.begun += 1
            self.running += 1
            self.most = max(self.most, self.running)
        self.go.wait(PATIENCE)
        with self._lock:
            self.running -= 1
        return threading.current_thread().name

    async def begins(self, number):
        async with asyncio.timeout(PATIENCE):
            while self.begun < number:
                await asyncio.sleep(0.001)


async def test_what_is_small_is_converted_at_once_and_the_rest_beside_the_loop(conversions):
    here = threading.current_thread().name

    assert await conversions.run(4_096, lambda: threading.current_thread().name) == here
    assert await conversions.run(4_097, lambda: threading.current_thread().name) != here


async def test_large_ones_run_one_by_one_do_not_hold_up_small_ones_and_are_refused_when_many_wait(conversions):
    work = Held()
    large = [asyncio.ensure_future(conversions.run(LARGE, work)) for _ in range(2)]
    await work.begins(1)

    with pytest.raises(ResourceExhausted):
        await conversions.run(LARGE, work)
    assert await conversions.run(5_000, lambda: "small") == "small"

    work.go.set()
    await asyncio.gather(*large)
    assert work.most == 1


async def test_work_of_who_left_counts_until_its_thread_is_free_and_what_has_not_begun_is_never_done(conversions):
    work = Held()
    first, second = (asyncio.ensure_future(conversions.run(LARGE, work)) for _ in range(2))
    await work.begins(1)
    for each in (first, second):
        each.cancel()
    await asyncio.wait((first, second))

    # The first still runs, and counts; the second is gone.
    third = asyncio.ensure_future(conversions.run(LARGE, work))
    await asyncio.sleep(0)
    with pytest.raises(ResourceExhausted):
        await conversions.run(LARGE, work)

    work.go.set()
    await third
    assert work.begun == 2
