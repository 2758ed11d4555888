"""The connection to Redis."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any

from fp_kernel import Clock, Unavailable
from fp_telemetry import get_logger
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from fp_redis.script import Script

READ_TIMEOUT = 0.5
WRITE_TIMEOUT = 5.0
"""Seconds. A script over thousands of entries is one step of the store."""

_POOL_SIZE = 32
_HEALTH_CHECK = 15
# While the store is away, callers go elsewhere at once and do not each wait for a time-out first.
_REST = 1.0
_NEVER = float("-inf")
_LISTEN_SECONDS = 10.0

_log = get_logger(__name__)

Command = tuple[Any, ...]


class Link:
    """Every method but `ping` and `close` raises Unavailable while the store is away."""

    def __init__(self, redis: "Redis", clock: Clock, *, store: str) -> None:
        self._redis = redis
        self._clock = clock
        self._store = store
        self._resting_until = _NEVER

    @classmethod
    def open(cls, url: str, clock: Clock, *, store: str, timeout: float = READ_TIMEOUT) -> "Link":
        """Connects at its first command.

        store: what people call what is kept there, such as `the projection`. timeout: seconds for each command; short
        for reads, which have another place to go.
        """
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=_POOL_SIZE,
            timeout=timeout,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            health_check_interval=_HEALTH_CHECK,
            # One retry covers a connection that the server closed.
            retry=Retry(NoBackoff(), 1),
        )
        return cls(Redis.from_pool(pool), clock, store=store)

    async def ask(self, *commands: Command) -> list[Any]:
        """The answers of commands sent in one round trip, in order."""
        return await self._guarded(commands)

    async def run(self, script: Script, *calls: tuple[Sequence[str], Sequence[Any]]) -> list[Any]:
        """The script once for each call, which is its keys and its arguments."""
        commands = [("EVALSHA", script.sha, len(keys), *keys, *arguments) for keys, arguments in calls]
        try:
            return await self._guarded(commands)
        except NoScriptError:
            await self._guarded([("SCRIPT", "LOAD", script.body)])
            return await self._guarded(commands)

    async def listen(self, channel: str, subscribed: Callable[[], Awaitable[None]]) -> AsyncGenerator[bytes, None]:
        """What is published, for ever. subscribed: called once nothing can be missed any more."""
        try:
            async with self._redis.pubsub() as pubsub:
                await pubsub.subscribe(channel)
                await subscribed()
                while True:
                    message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=_LISTEN_SECONDS)
                    if message is not None:
                        yield message["data"]
        except (RedisError, OSError) as error:
            raise self._away() from error

    async def ping(self) -> None:
        await self._redis.execute_command("PING")  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        await self._redis.aclose()

    async def _guarded(self, commands: Sequence[Command]) -> list[Any]:
        if self._clock.monotonic() < self._resting_until:
            raise self._away()
        try:
            answers = await self._send(commands)
        except NoScriptError:
            raise
        except (RedisError, OSError) as error:
            # Told once an outage and not once a command.
            if not self._resting:
                _log.warning("redis is away", store=self._store, error=type(error).__name__)
            self._resting_until = self._clock.monotonic() + _REST
            raise self._away() from error
        if self._resting:
            _log.info("redis is back", store=self._store)
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

    def _away(self) -> Unavailable:
        return Unavailable(f"{self._store} is away", retry_after=_REST)
