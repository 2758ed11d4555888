"""The connection to Redis, as something that may be away."""

from collections.abc import Sequence
from typing import Any

from fp_kernel import Clock, Unavailable
from fp_telemetry import get_logger
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from fp_featurestore.adapters.online.scripts import Script

READ_TIMEOUT = 0.5
# A write of a thousand rows is one step of the store.
WRITE_TIMEOUT = 5.0
_POOL_SIZE = 32
# While the store is away, reads go to Postgres at once and do not each wait for a time-out first.
_REST = 1.0
_NEVER = float("-inf")

_log = get_logger(__name__)

Command = tuple[Any, ...]


class Link:
    """Commands in one round trip. Every method but `ping` and `close` raises Unavailable while the store is away."""

    def __init__(self, redis: "Redis", clock: Clock) -> None:
        self._redis = redis
        self._clock = clock
        self._resting_until = _NEVER

    @classmethod
    def open(cls, url: str, clock: Clock, *, timeout: float = READ_TIMEOUT) -> "Link":
        """Connects at its first command. timeout: seconds for each; short for reads, which have another place to go."""
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_POOL_SIZE,
            timeout=timeout,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 1),
        )
        return cls(Redis.from_pool(pool), clock)

    async def ask(self, *commands: Command) -> list[Any]:
        """The answers, in order."""
        return await self._guarded(commands)

    async def run(self, script: Script, *calls: tuple[Sequence[str], Sequence[Any]]) -> list[Any]:
        """The script once for each call, which is its keys and its arguments."""
        commands = [("EVALSHA", script.sha, len(keys), *keys, *arguments) for keys, arguments in calls]
        try:
            return await self._guarded(commands)
        except NoScriptError:
            await self._guarded([("SCRIPT", "LOAD", script.body)])
            return await self._guarded(commands)

    async def ping(self) -> None:
        await self._redis.execute_command("PING")  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        await self._redis.aclose()

    async def _guarded(self, commands: Sequence[Command]) -> list[Any]:
        if self._clock.monotonic() < self._resting_until:
            raise _away()
        try:
            answers = await self._send(commands)
        except NoScriptError:
            raise
        except (RedisError, OSError) as error:
            # Told once an outage and not once a read.
            if not self._resting:
                _log.warning("online store is away", error=type(error).__name__)
            self._resting_until = self._clock.monotonic() + _REST
            raise _away() from error
        if self._resting:
            _log.info("online store is back")
            self._resting_until = _NEVER
        return answers

    @property
    def _resting(self) -> bool:
        """Whether the last command failed."""
        return self._resting_until != _NEVER

    async def _send(self, commands: Sequence[Command]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        answers: list[Any] = await pipeline.execute()
        return answers


def _away() -> Unavailable:
    return Unavailable("the online view is away", retry_after=_REST)
