"""The replicas of this service, as they tell each other in Redis."""

from typing import Final

from fp_kernel import Unavailable
from fp_redis import RedisClient, Script

_PROCESSES: Final = "fp:inference:processes"
# A few tellings may get lost.
_AGE_SECONDS: Final = 5

# KEYS: processes by the time they last spoke. ARGV: process, seconds. Answers how many live.
_BEAT = Script("""
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], 60000)
return redis.call('ZCARD', KEYS[1])
""")


class RedisFleet:
    def __init__(self, link: RedisClient, process: str) -> None:
        """process: name of this one among the others."""
        self._link = link
        self._process = process
        self.count = 1

    async def beat(self) -> None:
        """To be called each second. While Redis is away what was known last counts."""
        try:
            (count,) = await self._link.run(_BEAT, ([_PROCESSES], [self._process, _AGE_SECONDS]))
        except Unavailable:
            return
        self.count = int(count)

    async def leave(self) -> None:
        try:
            await self._link.ask(("ZREM", _PROCESSES, self._process))
        except Unavailable:
            # It is forgotten soon enough.
            return
