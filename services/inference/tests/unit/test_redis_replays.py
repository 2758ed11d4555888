"""Predictions that come together look for their answers together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fp_inference.adapters.redis_replays import RedisReplays
from fp_inference.app.values import Replay
from fp_kernel import Unavailable
from fp_redis import RedisClient


class FakeRedis(RedisClient):
    """Has an answer for every second number. failing: raised by the next questions. gate: holds answers back."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.failing: list[Exception] = []
        self.gate: asyncio.Event | None = None

    async def ask(self, *commands: Any) -> list[Any]:
        self.asked += commands
        if self.gate is not None:
            await self.gate.wait()
        if self.failing:
            raise self.failing.pop()
        ((_, *keys),) = commands
        return [[b"f" * 32 + _number(key) if int(_number(key)) % 2 == 0 else None for key in keys]]


def _number(key: str) -> bytes:
    return bytes.fromhex(key.rpartition(":")[2])


def _stored(number: int) -> list[Replay]:
    return [] if number % 2 else [Replay(b"%d" % number, b"f" * 32, b"%d" % number)]


@asynccontextmanager
async def _running(redis: FakeRedis) -> AsyncIterator[RedisReplays]:
    replays = RedisReplays(redis)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(replays.run())
        await asyncio.sleep(0)
        yield replays
        task.cancel()


async def test_each_gets_its_own_answers_of_one_question_to_the_store() -> None:
    redis = FakeRedis()
    wanted = [(0, 1), (2,), (3,), (4, 6, 5)]
    async with _running(redis) as replays:
        found = await asyncio.gather(*(replays.get([b"%d" % each for each in numbers]) for numbers in wanted))
        assert found == [[replay for each in numbers for replay in _stored(each)] for numbers in wanted]
        assert len(redis.asked) == 1
        assert await replays.get([b"8"]) == _stored(8)
    assert len(redis.asked) == 2


async def test_who_gives_up_takes_nobody_along() -> None:
    redis = FakeRedis()
    redis.gate = asyncio.Event()
    async with _running(redis) as replays:
        first, second = (asyncio.create_task(replays.get([number])) for number in (b"0", b"2"))
        while not redis.asked:
            await asyncio.sleep(0)
        first.cancel()
        redis.gate.set()
        assert await second == _stored(2)


@pytest.mark.parametrize("error", [Unavailable("away"), ValueError("a bug")])
async def test_all_who_asked_hear_of_a_failure_and_the_next_ask_again(error: Exception) -> None:
    redis = FakeRedis()
    redis.failing.append(error)
    async with _running(redis) as replays:
        found = await asyncio.gather(replays.get([b"0"]), replays.get([b"2"]), return_exceptions=True)
        assert [type(each) for each in found] == [type(error)] * 2
        assert await replays.get([b"2"]) == _stored(2)


async def test_who_asks_when_the_service_ends_is_answered() -> None:
    redis = FakeRedis()
    redis.gate = asyncio.Event()
    replays = RedisReplays(redis)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(replays.run())
        await asyncio.sleep(0)
        asked, waits = (asyncio.create_task(replays.get([number])) for number in (b"0", b"2"))
        while not redis.asked:
            await asyncio.sleep(0)
        late = asyncio.create_task(replays.get([b"4"]))
        await asyncio.sleep(0)
        task.cancel()
    found = await asyncio.gather(asked, waits, late, return_exceptions=True)
    assert [type(each) for each in found] == [Unavailable] * 3
    redis.gate.set()
    assert await replays.get([b"6"]) == _stored(6)
