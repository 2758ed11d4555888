"""Signals between replicas over LISTEN/NOTIFY: they say when to look, never what happened.

A service has one channel; a topic names what there is to look at.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NoReturn, Protocol

import asyncpg
from fp_kernel import Error
from fp_telemetry import get_logger

from fp_postgres.database import Database
from fp_postgres.wakeup import Signal

_log = get_logger(__name__)
_PING = 15.0
_PAUSE = 1.0


class Subscriptions:
    """Who waits for which topic in this process."""

    def __init__(self) -> None:
        self._by_topic: defaultdict[str, set[Signal]] = defaultdict(set)

    @contextmanager
    def subscribe(self, topic: str) -> Iterator[Signal]:
        """A signal that is set by every `signal` of the topic from now on, until the end of the block."""
        subscription = Signal()
        self._by_topic[topic].add(subscription)
        try:
            yield subscription
        finally:
            self._by_topic[topic].discard(subscription)
            if not self._by_topic[topic]:
                del self._by_topic[topic]

    def signal(self, topic: str) -> None:
        for subscription in self._by_topic.get(topic, ()):
            subscription.signal()

    def signal_all(self) -> None:
        for topic in tuple(self._by_topic):
            self.signal(topic)


class Executes(Protocol):
    """A transaction, or the database itself."""

    async def execute(self, query: str, *arguments: object) -> str: ...


async def notify(within: Executes, channel: str, topic: str) -> None:
    """Sent when the transaction commits."""
    await within.execute("SELECT pg_notify($1, $2)", channel, topic)


class Signals:
    """One connection beside the pool listens for the whole process. While it is lost, everything that waits polls."""

    def __init__(self, database: Database, channel: str) -> None:
        self._database = database
        self._channel = channel
        self._subscriptions = Subscriptions()

    def subscribe(self, topic: str) -> AbstractContextManager[Signal]:
        return self._subscriptions.subscribe(topic)

    async def run(self) -> NoReturn:
        """Until cancelled; a lost connection is made again."""
        while True:
            try:
                await self._listen()
            except (Error, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                _log.info("signals are away, waiting by polling", reason=type(error).__name__)
            await asyncio.sleep(_PAUSE)

    async def _listen(self) -> None:
        async with self._database.dedicated(name="signals") as connection:
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(self._channel, self._on_notify)
            # Signals from before are lost: everything that waits looks once.
            self._subscriptions.signal_all()
            while not lost.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_PING):
                        await lost.wait()
                        return
                # A server that vanished without closing the connection is noticed only by asking.
                await connection.execute("SELECT 1")

    def _on_notify(self, _connection: object, _pid: int, _channel: str, topic: object) -> None:
        self._subscriptions.signal(str(topic))
