"""A shadow gets copies of answered requests and can neither slow nor fail them."""

import asyncio
import struct
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from fp_inference.app.mirror import BYTES_OF_COPY, Copied, Mirror, MirrorPolicy
from fp_inference.app.tallies import Key, Tallies
from fp_inference.app.values import Ask, Caller
from fp_inference.domain.breaker import BreakerPolicy
from fp_inference.domain.routes import Route, Target
from fp_inference.domain.rules import Shadow
from fp_inference.domain.shares import Share
from fp_kernel import Command, Unavailable
from fp_kernel.bucket import Limit
from fp_kernel.tensors import ElementType, Tensor
from fp_testkit.clock import ManualClock
from fp_testkit.patience import PATIENCE
from inference_fakes.shadows import MemoryTallies, ShadowMetrics

_START = datetime(2013, 3, 1, tzinfo=UTC)
_KEY = ("alpha", "delays", 7)
# Inputs of 96 bytes, outputs of 4.
_COPY = BYTES_OF_COPY + 100


def _number(value: float) -> Tensor:
    return Tensor(ElementType.FLOAT32, (1,), struct.pack("<f", value))


class Shadows:
    """gate: closed while the shadow hangs."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.asked: list[tuple[str, str, float]] = []

    async def shadow(self, target: Target, copied: Copied, *, request_id: str, seconds: float) -> Mapping[str, Tensor]:
        assert copied.team == "alpha"
        self.asked.append((target.version, request_id, seconds))
        await self.gate.wait()
        if self.error:
            raise self.error
        return {"y": _number(0.5)}


class Setting:
    def __init__(self, share: int = 10_000, most_bytes: int = 10 * _COPY) -> None:
        self.clock = ManualClock()
        self.shadows, self.metrics, self.store = Shadows(), ShadowMetrics(), MemoryTallies()
        self.tallies = Tallies(self.store)
        self.mirror = Mirror(
            self.shadows,
            self.tallies,
            self.clock,
            policy=MirrorPolicy(most_bytes, at_once=2, timeout=3.0),
            breaker=BreakerPolicy(failures=2),
            metrics=self.metrics,
        )
        route = Route("alpha", "delays")
        for number in (1, 2):
            target = Target("m", f"id-{number}", str(number), f"h:{number}", 10_000 * (number == 1), number, _START)
            route = route.deployed(target)
        self.route = route.with_shadow(Shadow(Share("id-2", 2, share), 7, _START))

    def offer(self, request_id: str, served: str = "id-1", width: int = 96) -> None:
        caller = Caller("alpha", "user", "", "alpha/user", Limit(1.0, 1), may_pin=False)
        command = Command("alpha", "Predict", "", b"", lambda _: b"")
        inputs = {"x": Tensor(ElementType.UINT8, (width,), bytes(width))}
        ask = Ask(request_id, caller, "delays", inputs, "", "", command, 0.0, _START.date())
        self.mirror.offer(self.route, ask, self.route.targets[served], {"y": _number(0.75)})

    async def settled(self, count: int) -> Mapping[str, float]:
        async with asyncio.timeout(PATIENCE):
            while sum(self.metrics.outcomes.values()) < count:
                await asyncio.sleep(0)
        return await self.tallies.read(_KEY)


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Setting]:
    setting = Setting()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(setting.mirror.run())
        yield setting
        running.cancel()


async def test_a_copy_is_compared_with_what_was_served_and_thrown_away(running: Setting) -> None:
    running.offer("r")
    assert await running.settled(1) == {"answered": 1, "numbers": 1, "difference": 0.25}
    assert running.shadows.asked == [("2", "r/shadow", 3.0)]
    assert running.mirror.bytes == 0


async def test_a_version_that_answered_itself_gets_no_copy(running: Setting) -> None:
    running.offer("own", served="id-2")
    running.offer("r")
    await running.settled(1)
    assert [request_id for _, request_id, _ in running.shadows.asked] == ["r/shadow"]


async def test_a_shadow_that_hangs_loses_copies_and_holds_no_more_bytes_than_it_may(running: Setting) -> None:
    running.shadows.gate.clear()
    for number in range(25):
        running.offer(str(number))
    assert running.metrics.outcomes == {"dropped": 15}, "ten of them fit"
    assert running.mirror.bytes == 10 * _COPY
    running.shadows.gate.set()
    counts = await running.settled(25)
    assert (counts["answered"], counts["dropped"]) == (10, 15)
    assert running.mirror.bytes == 0


async def test_copies_of_a_few_bytes_are_bounded_in_number() -> None:
    setting = Setting()
    for number in range(25):
        setting.offer(str(number), width=0)
    assert setting.metrics.outcomes == {"dropped": 15}


@pytest.mark.parametrize("error", [Unavailable("away"), ValueError("a fault of ours")])
async def test_a_shadow_that_fails_is_counted_and_the_next_copy_is_asked(running: Setting, error: Exception) -> None:
    running.shadows.error = error
    running.offer("r")
    assert await running.settled(1) == {"failed": 1}
    running.shadows.error = None
    running.offer("s")
    assert (await running.settled(2))["answered"] == 1


async def test_a_shadow_that_keeps_failing_is_left_alone_for_a_while(running: Setting) -> None:
    running.shadows.error = Unavailable("away")
    for number in range(4):
        running.offer(str(number))
        await running.settled(number + 1)
    assert running.metrics.outcomes == {"failed": 2, "dropped": 2}
    running.shadows.error = None
    running.clock.advance(30.0)
    running.offer("probe")
    assert (await running.settled(5))["answered"] == 1


async def test_the_share_says_how_many_are_copied() -> None:
    setting = Setting(share=2_500, most_bytes=0)
    for number in range(2_000):
        setting.offer(str(number))
    assert abs(setting.metrics.outcomes["dropped"] / 2_000 - 0.25) < 0.04


async def test_counts_wait_for_a_store_that_is_away() -> None:
    setting = Setting(most_bytes=0)
    setting.offer("r")
    setting.store.away = True
    await setting.tallies.flush()
    setting.offer("s")
    setting.store.away = False
    assert await setting.tallies.read(_KEY) == {"dropped": 2}


async def test_two_that_flush_at_once_store_each_count_once() -> None:
    setting = Setting()
    for revision in range(3):
        setting.tallies.count(("alpha", "delays", revision), {"answered": 1})
    add = setting.store.add

    async def slowly(key: Key, counts: Mapping[str, float]) -> None:
        await asyncio.sleep(0)
        await add(key, counts)

    setting.store.add = slowly  # type: ignore[method-assign]
    await asyncio.gather(setting.tallies.flush(), setting.tallies.flush())
    assert [dict(counts) for counts in setting.store.kept.values()] == [{"answered": 1}] * 3
