"""Signals between replicas over LISTEN/NOTIFY: they say when to look, never what happened."""

import asyncio
import contextlib
from contextlib import AbstractContextManager
from typing import NoReturn

import asyncpg
from fp_kernel import Error
from fp_postgres import Database
from fp_telemetry import get_logger

from fp_monitor.adapters.postgres.queries import Queries
from fp_monitor.adapters.subscriptions import Subscription, Subscriptions

_log = get_logger(__name__)
_CHANNEL = "fp_monitor"
_PING = 15.0
_PAUSE = 1.0


async def notify(queries: Queries, topic: str) -> None:
    """Sent when the transaction commits."""
    await queries.execute("SELECT pg_notify($1, $2)", _CHANNEL, topic)


class PostgresSignals:
    """One connection beside the pool hears for the whole process. While it is away, whoever waits polls."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._subscriptions = Subscriptions()

    def subscribe(self, topic: str) -> AbstractContextManager[Subscription]:
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
            await connection.add_listener(_CHANNEL, self._heard)
            # Signals of the time before are lost: everyone looks once.
            self._subscriptions.signal_all()
            while not lost.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_PING):
                        await lost.wait()
                        return
                # A peer that vanished without a word is noticed only by asking.
                await connection.execute("SELECT 1")

    def _heard(self, _connection: object, _pid: int, _channel: str, topic: object) -> None:
        self._subscriptions.signal(str(topic))
