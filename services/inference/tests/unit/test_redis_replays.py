"""Answers of commands, as they are asked for and kept."""

from typing import Any

from fp_inference.adapters.redis_replays import RedisReplays
from fp_inference.app.values import Replay
from fp_redis import RedisClient, Script


class FakeRedis(RedisClient):
    """Has an answer for every second number."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.ran: list[tuple[Any, ...]] = []

    async def ask_together(self, command: Any) -> Any:
        self.asked.append(command)
        _, *keys = command
        return [b"f" * 32 + _number(key) if int(_number(key)) % 2 == 0 else None for key in keys]

    async def run(self, script: Script, *calls: Any) -> list[Any]:
        self.ran += calls
        return [1] * len(calls)


def _number(key: str) -> bytes:
    return bytes.fromhex(key.rpartition(":")[2])


def _stored(number: int) -> list[Replay]:
    return [] if number % 2 else [Replay(b"%d" % number, b"f" * 32, b"%d" % number)]


async def test_a_question_is_one_command_whatever_it_asks_for() -> None:
    redis = FakeRedis()

    found = await RedisReplays(redis).get([b"%d" % number for number in range(6)])

    assert found == [replay for number in range(6) for replay in _stored(number)]
    assert len(redis.asked) == 1


async def test_many_answers_are_kept_by_few_commands() -> None:
    redis = FakeRedis()

    await RedisReplays(redis).put([Replay(b"%d" % number, b"f" * 32, b"answer") for number in range(1_001)])

    assert [len(keys) for keys, _ in redis.ran] == [500, 500, 1]
    assert [len(values) for _, values in redis.ran] == [501, 501, 2]
