"""A model has a bounded number of predictions in flight, and a bounded number that wait."""

import asyncio

import pytest
from fp_inference.app.bulkhead import BulkheadPolicy, Bulkheads
from fp_kernel import ResourceExhausted

_PATIENT = 30.0


def _bulkheads(in_flight: int = 1, waiting: int = 1, seconds: float = _PATIENT) -> Bulkheads:
    return Bulkheads(BulkheadPolicy(in_flight, waiting, seconds))


async def _turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_whoever_waits_gets_the_place_of_whoever_leaves() -> None:
    bulkheads = _bulkheads(waiting=2)
    order: list[int] = []

    async def call(number: int) -> None:
        async with bulkheads.enter("model", _PATIENT):
            order.append(number)
            await _turns()
            assert bulkheads.in_flight == 1

    async with asyncio.TaskGroup() as group:
        for number in range(3):
            group.create_task(call(number))
    assert order == [0, 1, 2]
    assert bulkheads._rooms == {}


async def test_a_full_queue_refuses_at_once() -> None:
    bulkheads = _bulkheads()
    async with bulkheads.enter("model", _PATIENT):
        waiting = asyncio.ensure_future(_enter(bulkheads))
        await _turns()
        with pytest.raises(ResourceExhausted) as caught:
            await _enter(bulkheads)
        assert caught.value.reason == "BULKHEAD_FULL"
        assert caught.value.retry_after
    await waiting


async def test_waiting_ends_with_the_callers_patience() -> None:
    bulkheads = _bulkheads()
    async with bulkheads.enter("model", _PATIENT):
        with pytest.raises(ResourceExhausted):
            await _enter(bulkheads, seconds=0.01)
        assert bulkheads._rooms["model"].waiting == type(bulkheads._rooms["model"].waiting)()
    await _enter(bulkheads)


async def test_one_model_does_not_take_the_place_of_another() -> None:
    bulkheads = _bulkheads(waiting=0)
    async with bulkheads.enter("slow", _PATIENT):
        await _enter(bulkheads, key="quick")


async def test_a_place_that_came_to_someone_who_left_goes_to_the_next() -> None:
    bulkheads = _bulkheads(waiting=2)
    async with bulkheads.enter("model", _PATIENT):
        first = asyncio.ensure_future(_enter(bulkheads))
        second = asyncio.ensure_future(_enter(bulkheads))
        await _turns()
    # The place was passed to the first, which has not run since.
    first.cancel()
    await second
    with pytest.raises(asyncio.CancelledError):
        await first
    assert bulkheads._rooms == {}


async def test_a_place_that_came_to_someone_who_left_leaves_no_room_behind() -> None:
    bulkheads = _bulkheads()
    async with bulkheads.enter("model", _PATIENT):
        waiting = asyncio.ensure_future(_enter(bulkheads))
        await _turns()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert bulkheads._rooms == {}


async def test_whoever_has_waited_long_enough_is_told_so_though_another_leaves_at_that_moment() -> None:
    bulkheads = _bulkheads()
    async with bulkheads.enter("model", _PATIENT):
        late = asyncio.ensure_future(_enter(bulkheads, seconds=0.0))
        await asyncio.sleep(0)
        place = bulkheads._rooms["model"].waiting[0]
        while not place.cancelled():
            await asyncio.sleep(0)
        assert not late.done()
    # Whoever left has met the wait that is over, before the one who waited has run again.
    with pytest.raises(ResourceExhausted):
        await late
    assert bulkheads._rooms == {}


async def test_whoever_is_cancelled_ends_as_cancelled_though_another_leaves_at_that_moment() -> None:
    bulkheads = _bulkheads()
    async with bulkheads.enter("model", _PATIENT):
        waiting = asyncio.ensure_future(_enter(bulkheads))
        await _turns()
        waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert bulkheads._rooms == {}


async def test_places_are_never_lost_nor_made_whoever_is_cancelled() -> None:
    bulkheads = _bulkheads(in_flight=3, waiting=100)
    peak = 0

    async def call() -> None:
        nonlocal peak
        async with bulkheads.enter("model", _PATIENT):
            peak = max(peak, bulkheads.in_flight)
            await _turns(3)

    calls = [asyncio.ensure_future(call()) for _ in range(60)]
    for number, task in enumerate(calls):
        await asyncio.sleep(0)
        if number % 3 == 0:
            task.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert peak == 3
    assert bulkheads._rooms == {}


async def _enter(bulkheads: Bulkheads, *, key: str = "model", seconds: float = _PATIENT) -> None:
    async with bulkheads.enter(key, seconds):
        pass


async def test_bytes_of_requests_are_bounded_and_one_large_request_passes() -> None:
    bulkheads = Bulkheads(BulkheadPolicy(most_bytes=100))
    async with bulkheads.enter("a", 1.0, 300):
        with pytest.raises(ResourceExhausted) as caught:
            async with bulkheads.enter("b", 1.0, 1):
                raise AssertionError
    assert caught.value.metadata["quota"] == "in_flight_bytes"
    async with bulkheads.enter("a", 1.0, 40), bulkheads.enter("b", 1.0, 40):
        with pytest.raises(ResourceExhausted):
            async with bulkheads.enter("a", 1.0, 20):
                raise AssertionError
        async with bulkheads.enter("b", 1.0, 10):
            pass
    assert bulkheads._rooms == {}
