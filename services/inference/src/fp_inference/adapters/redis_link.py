"""A Redis that may be away."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fp_kernel import Clock, Unavailable
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

T = TypeVar("T")
Client = Redis

# While it is away a prediction must not wait for it: one caller a second finds out.
_PAUSE = 1.0
_TIMEOUT = 0.5


def client(url: str) -> Any:
    """Connects at its first use and again by itself; one retry covers a connection that the server closed."""
    return Redis.from_url(
        url,
        socket_timeout=_TIMEOUT,
        socket_connect_timeout=_TIMEOUT,
        health_check_interval=15,
        retry=Retry(NoBackoff(), 1),
    )


class RedisLink:
    def __init__(self, redis: Any, clock: Clock) -> None:
        self._redis = redis
        self._clock = clock
        self._away_until = float("-inf")

    async def call(self, use: Callable[[Any], Awaitable[T]]) -> T:
        """Raises Unavailable when Redis is away, at once when it just was."""
        if self._clock.monotonic() < self._away_until:
            raise Unavailable("redis is away")
        try:
            return await use(self._redis)
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until = self._clock.monotonic() + _PAUSE
            raise Unavailable(f"redis is away: {type(error).__name__}") from error
