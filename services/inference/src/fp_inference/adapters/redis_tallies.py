"""Counts of routes in Redis: a hash for each revision of its rules or its shadow, which expires."""

from collections.abc import Mapping

from fp_redis import RedisClient, Script

from fp_inference.app.tallies import Key

_PREFIX = "fp:inference:tallies:"
_DAYS_MS = 40 * 86_400_000

# KEYS: hash. ARGV: milliseconds, then names and numbers by turns.
_ADD = Script("""
for at = 2, #ARGV, 2 do redis.call('HINCRBYFLOAT', KEYS[1], ARGV[at], ARGV[at + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
""")


class RedisTallies:
    def __init__(self, link: RedisClient) -> None:
        self._link = link

    async def add(self, key: Key, counts: Mapping[str, float]) -> None:
        parts = [part for name, number in counts.items() for part in (name, repr(number))]
        await self._link.run(_ADD, ([_name(key)], [_DAYS_MS, *parts]))

    async def read(self, key: Key) -> Mapping[str, float]:
        (found,) = await self._link.ask(("HGETALL", _name(key)))
        return {name.decode(): float(number) for name, number in found.items()}


def _name(key: Key) -> str:
    team, model_name, revision = key
    return f"{_PREFIX}{team}:{revision}:{model_name}"
