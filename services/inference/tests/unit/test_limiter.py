"""Principals are limited by shared buckets, and by the process's own while those are away."""

import asyncio

import pytest
from fp_inference.app.limiter import Limiter, Standing
from fp_inference.app.limits import parse_limits
from fp_kernel import ResourceExhausted, Unavailable
from fp_kernel.bucket import Bucket, Grant, Limit
from fp_testkit.clock import ManualClock

_LIMIT = Limit(rate=100.0, burst=200)


class SharedBuckets:
    """What all replicas share, in memory."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.buckets: dict[str, Bucket] = {}
        self.asked: list[tuple[int, int]] = []
        self.away = False

    async def lease(self, name: str, limit: Limit, least: int, most: int) -> Grant:
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable("away")
        self.asked.append((least, most))
        now = self.clock.monotonic()
        return self.buckets.setdefault(name, Bucket(limit, now)).take(least, most, now)


async def _admitted(limiter: Limiter, count: int, limit: Limit = _LIMIT) -> int:
    admitted = 0
    for _ in range(count):
        try:
            await limiter.admit("alpha/user", limit)
        except ResourceExhausted:
            continue
        admitted += 1
    return admitted


async def test_the_burst_is_admitted_in_slices_and_the_rest_refused(clock: ManualClock) -> None:
    shared = SharedBuckets(clock)
    limiter = Limiter(shared, clock)
    assert await _admitted(limiter, 250) == 200
    assert shared.asked[:10] == [(1, 20)] * 10
    with pytest.raises(ResourceExhausted) as caught:
        await limiter.admit("alpha/user", _LIMIT)
    assert caught.value.retry_after == pytest.approx(0.01)
    assert caught.value.reason == "RATE_LIMITED"


async def test_replicas_share_one_bucket(clock: ManualClock) -> None:
    shared = SharedBuckets(clock)
    limiters = [Limiter(shared, clock) for _ in range(4)]
    assert sum([await _admitted(limiter, 100) for limiter in limiters]) == 200


async def test_tokens_that_nobody_used_are_gone_after_a_second(clock: ManualClock) -> None:
    shared = SharedBuckets(clock)
    limiter = Limiter(shared, clock)
    for _ in range(3):
        assert await _admitted(limiter, 1) == 1
        clock.advance(1.01)
    assert len(shared.asked) == 3


async def test_a_slow_bucket_is_not_emptied_by_slices(clock: ManualClock) -> None:
    limiter = Limiter(SharedBuckets(clock), clock)
    slow = Limit(rate=1.0, burst=100)
    for _ in range(200):
        assert await _admitted(limiter, 1, slow) == 1
        clock.advance(1.01)


async def test_concurrent_callers_wait_for_one_lease(clock: ManualClock) -> None:
    shared = SharedBuckets(clock)
    limiter = Limiter(shared, clock)
    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(limiter.admit("alpha/user", _LIMIT))
    assert len(shared.asked) == 1


async def test_without_the_shared_buckets_each_process_limits_by_itself(clock: ManualClock) -> None:
    shared = SharedBuckets(clock)
    shared.away = True
    limiter = Limiter(shared, clock)
    assert await _admitted(limiter, 300) == 200
    clock.advance(0.1)
    assert await _admitted(limiter, 300) == 10
    shared.away = False
    assert await _admitted(limiter, 300) == 200


async def test_principals_do_not_share_buckets(clock: ManualClock) -> None:
    limiter = Limiter(SharedBuckets(clock), clock)
    assert await _admitted(limiter, 250) == 200
    await limiter.admit("beta/user", _LIMIT)


async def test_a_batch_costs_its_items_and_uses_what_is_leased_first(clock: ManualClock) -> None:
    shared = SharedBuckets(clock)
    limiter = Limiter(shared, clock)
    await limiter.admit("alpha/user", _LIMIT)
    await limiter.admit("alpha/user", _LIMIT, 150)
    assert shared.asked == [(1, 20), (131, 131)]
    assert limiter.standing("alpha/user", _LIMIT) == Standing(limit=200, remaining=49, reset=2)
    with pytest.raises(ResourceExhausted) as caught:
        await limiter.admit("alpha/user", _LIMIT, 50)
    assert caught.value.retry_after == pytest.approx(0.01)


async def test_what_is_left_grows_back(clock: ManualClock) -> None:
    limiter = Limiter(SharedBuckets(clock), clock)
    assert limiter.standing("alpha/user", _LIMIT) == Standing(200, 200, 0)
    assert await _admitted(limiter, 250) == 200
    assert limiter.standing("alpha/user", _LIMIT) == Standing(200, 0, 2)
    clock.advance(1.5)
    assert limiter.standing("alpha/user", _LIMIT) == Standing(200, 150, 1)


def test_limits_are_read_by_role() -> None:
    limits = parse_limits("default=10/20, engineer=2000/4000")
    assert limits.of("engineer") == Limit(2_000.0, 4_000)
    assert limits.of("viewer") == Limit(10.0, 20)
    assert parse_limits("").of("viewer") == _LIMIT


@pytest.mark.parametrize("text", ["engineer", "engineer=1", "engineer=x/1", "engineer=0/1", "=1/1", "a=1/0"])
def test_limits_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_limits(text)


async def test_a_token_is_spent_once_though_others_spend_while_more_are_fetched(clock: ManualClock) -> None:
    shared = SharedBuckets(clock)
    limiter = Limiter(shared, clock)
    await limiter.admit("alpha/user", _LIMIT)
    async with asyncio.TaskGroup() as group:
        # Nineteen tokens are held: the first call needs more of them, the others come while it waits for them.
        for cost in (25, *[1] * 19):
            group.create_task(limiter.admit("alpha/user", _LIMIT, cost))
    assert limiter.standing("alpha/user", _LIMIT).remaining == 200 - (1 + 25 + 19)
