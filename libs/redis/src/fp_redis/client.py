"""The connection to Redis."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from fp_kernel import Clock, Unavailable
from fp_kernel.trust import distrust
from fp_telemetry import get_logger
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.driver_info import DriverInfo
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import MasterDownError, NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as NotAnswered

from fp_redis.fresh_trust import FreshTrust
from fp_redis.pipe import Pipe
from fp_redis.script import Script

READ_TIMEOUT = 0.5
WRITE_TIMEOUT = 5.0
"""Seconds. A script over thousands of entries is one step of the store."""

_POOL_SIZE = 32
_LISTENERS = 8  # connections beside those of commands
_HEALTH_CHECK = 15
# While the store is away, callers go elsewhere at once and do not each wait for a time-out first.
_REST = 1.0
_NEVER = float("-inf")
# One for all connections: each would read the version out of the files of the installed package, in the event loop.
_DRIVER = DriverInfo()
# The store itself is away. Whatever else it answers, it answers: a wrong command is the fault of who sent it.
_AWAY = (NotConnected, NotAnswered, MasterDownError, OSError)
_LISTEN_SECONDS = 10.0

_log = get_logger(__name__)

Command = tuple[Any, ...]
Answer = TypeVar("Answer")


class RedisClient:
    """Every method but `ping` and `close` raises Unavailable while the store is away.

    A command that the store refuses (a key of another type, no memory for a write, a script's own error) raises
    Unavailable too, since its caller has another place to go; it is logged, and no other command waits for it.
    """

    def __init__(
        self, redis: "Redis", clock: Clock, *, store: str, patience: float = READ_TIMEOUT, pings: "Redis | None" = None
    ) -> None:
        self._redis = redis
        # With a connection of its own: a pool that is busy is no store that is away.
        self._pings = pings or redis
        self._clock = clock
        self._store = store
        self._patience = patience
        self._seats = asyncio.Semaphore(_POOL_SIZE)
        self._pipe = Pipe(redis.connection_pool, patience)
        self._resting_until = _NEVER
        self._probing = False

    @classmethod
    def open(cls, url: str, clock: Clock, *, store: str, timeout: float = READ_TIMEOUT) -> "RedisClient":
        """Connects at its first command.

        store: what people call what is stored there, such as `the projection`. timeout: seconds for each command; short
        for reads, which have another place to go.
        """
        each: dict[str, Any] = {
            "socket_timeout": timeout,
            "socket_connect_timeout": timeout,
            "health_check_interval": _HEALTH_CHECK,
            "driver_info": _DRIVER,
            # One retry covers a connection that the server closed; a store that is silent has had its time.
            "retry": Retry(NoBackoff(), 1, supported_errors=(NotConnected,)),
        }
        # Who has a seat finds a connection: a pool that makes callers wait would cost each command a fourth.
        commands = ConnectionPool.from_url(url, max_connections=_POOL_SIZE + _LISTENERS, **each)
        pings = BlockingConnectionPool.from_url(url, max_connections=1, timeout=timeout, **each)
        if urlsplit(url).scheme == "rediss":
            # The library takes the class from the scheme, whatever it is given.
            commands.connection_class = pings.connection_class = FreshTrust
        return cls(Redis.from_pool(commands), clock, store=store, patience=timeout, pings=Redis.from_pool(pings))

    async def ask(self, *commands: Command) -> list[Any]:
        """The answers of commands sent in one round trip, in order."""
        return await self._all(commands)

    async def ask_together(self, command: Command) -> Any:
        """The answer of one command of those that many callers send: they share a connection. For reads."""
        return await self._guarded(lambda: self._pipe.ask(command), command[0])

    async def run(self, script: Script, *calls: tuple[Sequence[str], Sequence[Any]]) -> list[Any]:
        """The script once for each call, which is its keys and its arguments."""
        commands = [("EVALSHA", script.sha, len(keys), *keys, *arguments) for keys, arguments in calls]
        try:
            return await self._all(commands)
        except NoScriptError:
            await self._all([("SCRIPT", "LOAD", script.body)])
            return await self._all(commands)

    async def listen(self, channel: str, subscribed: Callable[[], Awaitable[None]]) -> AsyncGenerator[bytes, None]:
        """What is published, without end. subscribed: called once nothing can be missed any more."""
        try:
            async with self._redis.pubsub() as pubsub:
                await pubsub.subscribe(channel)
                await subscribed()
                while True:
                    message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=_LISTEN_SECONDS)
                    if message is not None:
                        yield message["data"]
        except (RedisError, OSError) as error:
            raise distrust(self._store, error) or self._away() from error

    async def ping(self) -> None:
        await self._pings.execute_command("PING")  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        await self._pipe.close()
        await self._redis.aclose()
        await self._pings.aclose()

    async def _all(self, commands: Sequence[Command]) -> list[Any]:
        return await self._guarded(lambda: self._seated(commands), commands[0][0])

    async def _guarded(self, send: Callable[[], Awaitable[Answer]], name: str) -> Answer:
        """name: of the command."""
        if not self._resting:
            return await self._sent(send, name)
        if self._probing or self._clock.monotonic() < self._resting_until:
            raise self._away()
        # One finds out for all: a store that is silent would let each of them wait for its time-out.
        self._probing = True
        try:
            return await self._sent(send, name)
        finally:
            self._probing = False

    async def _sent(self, send: Callable[[], Awaitable[Answer]], name: str) -> Answer:
        try:
            answers = await send()
        except NoScriptError:
            raise
        except _AWAY as error:
            found = distrust(self._store, error)
            # Logged once an outage and not once a command.
            if not self._resting:
                why = found.reason if found else type(error).__name__
                _log.warning("redis is away", store=self._store, error=why)
            self._resting_until = self._clock.monotonic() + _REST
            raise found or self._away() from error
        except ResponseError as error:
            self._is_back()
            _log.error("redis refused a command", store=self._store, command=name, error=str(error))
            raise Unavailable(f"{self._store} refused a command") from error
        self._is_back()
        return answers

    async def _seated(self, commands: Sequence[Command]) -> list[Any]:
        await self._take_seat()
        try:
            return await self._send(commands)
        finally:
            self._seats.release()

    async def _take_seat(self) -> None:
        """A place among those who have a connection. Raises Unavailable when none came free in time."""
        if not self._seats.locked():
            await self._seats.acquire()
            return
        try:
            async with asyncio.timeout(self._patience):
                await self._seats.acquire()
        except TimeoutError:
            raise Unavailable(f"every connection to {self._store} is in use") from None

    def _is_back(self) -> None:
        if self._resting:
            _log.info("redis is back", store=self._store)
            self._resting_until = _NEVER

    @property
    def _resting(self) -> bool:
        """Whether the last command failed."""
        return self._resting_until != _NEVER

    async def _send(self, commands: Sequence[Command]) -> list[Any]:
        if len(commands) == 1:
            # A pipeline of one costs half as much again.
            return [await self._redis.execute_command(*commands[0])]  # type: ignore[no-untyped-call]
        pipeline = self._redis.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        answers: list[Any] = await pipeline.execute()
        return answers

    def _away(self) -> Unavailable:
        return Unavailable(f"{self._store} is away", retry_after=_REST)
