"""One load for all who wait, and the good value while it is renewed."""

import asyncio
from contextvars import ContextVar
from datetime import UTC, datetime

import pytest
from fp_kernel import Backoff, Loaded, LoadingCache, Unauthenticated, Unavailable

WHO = ContextVar("who", default="nobody")


class Time:
    seconds = 0.0

    def now(self):
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self):
        return self.seconds


class Source:
    """Answers by script: a value, or an error that it raises; `gate` holds its answers back."""

    def __init__(self, *script):
        self.script = list(script)
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.seen = []

    async def load(self):
        self.asked += 1
        self.seen.append(WHO.get())
        answer = self.script.pop(0)
        await self.gate.wait()
        if isinstance(answer, Exception):
            raise answer
        return Loaded(answer, fresh_for=10, good_for=30)


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def cache(time):
    return LoadingCache(clock=time, backoff=Backoff(first=1.0, longest=4.0, spread=0.0), limit=2)


async def turns():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_all_who_wait_share_one_load(cache):
    source = Source("a")

    assert set(await asyncio.gather(*(cache.get(1, source.load) for _ in range(9)))) == {"a"}
    assert source.asked == 1


async def test_all_who_wait_share_one_failure_and_none_its_traceback(cache):
    source = Source(Unavailable("away", retry_after=1.0))

    failures = await asyncio.gather(*(cache.get(1, source.load) for _ in range(9)), return_exceptions=True)

    assert {(type(it), it.message, it.retry_after) for it in failures} == {(Unavailable, "away", 1.0)}
    assert len(set(map(id, failures))) == 9
    assert source.asked == 1


async def test_each_waits_only_as_long_as_he_wants_and_the_load_goes_on(cache):
    source = Source("a")
    source.gate.clear()

    async def hurried():
        async with asyncio.timeout(0):
            await cache.get(1, source.load)

    patient = asyncio.ensure_future(cache.get(1, source.load))
    outcomes = await asyncio.gather(*(hurried() for _ in range(5)), return_exceptions=True)
    source.gate.set()

    assert [type(it) for it in outcomes] == [TimeoutError] * 5
    assert await patient == "a"
    assert source.asked == 1


async def test_a_stale_value_is_answered_while_it_is_renewed(cache, time):
    source = Source("a", "b")
    await cache.get(1, source.load)
    time.seconds = 10
    source.gate.clear()

    assert [await cache.get(1, source.load) for _ in range(3)] == ["a"] * 3
    source.gate.set()
    await turns()

    assert await cache.get(1, source.load) == "b"
    assert source.asked == 2


async def test_a_value_that_cannot_be_renewed_is_used_to_its_end(cache, time):
    source = Source("a", *[Unavailable("away")] * 9)
    await cache.get(1, source.load)
    for time.seconds in (10, 20, 29):
        assert await cache.get(1, source.load) == "a"
        await turns()

    time.seconds = 30
    with pytest.raises(Unavailable, match="away"):
        await cache.get(1, source.load)


async def test_after_a_failure_the_source_is_left_alone_for_the_back_off(cache, time):
    source = Source(*[Unavailable("away")] * 9)
    asked = []
    for time.seconds in (0, 0.9, 1.0, 2.9, 3.0, 6.9, 7.0, 10.9, 11.0):
        with pytest.raises(Unavailable, match="away"):
            await cache.get(1, source.load)
        asked.append(source.asked)

    assert asked == [1, 1, 2, 2, 3, 3, 4, 4, 5]


async def test_what_the_source_has_to_say_is_no_failure_to_be_waited_out(cache):
    source = Source(Unauthenticated("unknown"), "a")

    with pytest.raises(Unauthenticated):
        await cache.get(1, source.load)

    assert await cache.get(1, source.load) == "a"


async def test_a_younger_value_can_be_asked_for_and_an_older_one_does_when_there_is_none(cache, time):
    source = Source("a", Unavailable("away"), "c")
    await cache.get(1, source.load)
    time.seconds = 5

    assert await cache.get(1, source.load, max_age=6) == "a"
    assert await cache.get(1, source.load, max_age=4) == "a"
    assert await cache.get(1, source.load, max_age=4) == "a"
    assert source.asked == 2
    time.seconds = 6
    assert await cache.get(1, source.load, max_age=4) == "c"


@pytest.mark.parametrize("forget", [lambda cache: cache.drop(1), lambda cache: cache.disown()])
async def test_a_load_that_began_before_the_drop_is_not_kept(cache, forget):
    source = Source("old", "new")
    source.gate.clear()
    waiting = asyncio.ensure_future(cache.get(1, source.load))
    await turns()

    forget(cache)
    source.gate.set()

    assert await waiting == "old"
    assert await cache.get(1, source.load) == "new"


async def test_the_oldest_value_goes_first(cache):
    for key in (1, 2, 3):
        await cache.get(key, Source(f"v{key}").load)

    assert [cache.peek(key) for key in (1, 2, 3)] == [None, "v2", "v3"]


async def test_values_are_dropped_by_what_they_are(cache):
    for key, value in ((1, "a"), (2, "b")):
        await cache.get(key, Source(value).load)

    cache.drop_all(lambda value: value == "a")

    assert [cache.peek(key) for key in (1, 2)] == [None, "b"]


async def test_failures_of_many_keys_are_bounded(cache):
    for key in range(50):
        with pytest.raises(Unavailable):
            await cache.get(key, Source(Unavailable("away")).load)

    assert len(cache._failures) == 2


async def test_a_load_belongs_to_none_of_the_calls_that_wait_for_it(cache):
    WHO.set("the first caller")
    source = Source("a")

    await cache.get(1, source.load)

    assert source.seen == ["nobody"]


async def test_closing_ends_loads_and_tells_those_who_wait(cache):
    source = Source("a")
    source.gate.clear()
    waiting = asyncio.ensure_future(cache.get(1, source.load))
    await turns()

    await cache.close()

    with pytest.raises(Unavailable):
        await waiting
    assert cache._running == set()


async def test_an_unforeseen_failure_beside_a_good_value_is_reported(cache, time):
    reports = []
    asyncio.get_running_loop().set_exception_handler(lambda _, report: reports.append(report["exception"]))
    fault = TypeError("a fault of ours")
    source = Source("a", fault)
    await cache.get(1, source.load)
    time.seconds = 10

    assert await cache.get(1, source.load) == "a"
    await turns()

    assert reports == [fault]
