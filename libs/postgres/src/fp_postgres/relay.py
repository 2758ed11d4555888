"""From the outbox to the bus."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Final

from asyncpg import Connection, Record
from fp_events import Bus, Outgoing
from fp_kernel import Error
from fp_telemetry import Metrics, get_logger, names

from fp_postgres.database import Database
from fp_postgres.failures import translated
from fp_postgres.outbox import CHANNEL

_log = get_logger(__name__)

# Chosen once. A session lock: it ends with the holder's connection, however the holder ends.
_LEASE: Final = 0x_F09E_0B0C
_POLL_SECONDS: Final = 1.0
_FIRST_BACKOFF: Final = 0.1
_LONGEST_BACKOFF: Final = 5.0

_WAITING: Final = """
    select position, event_id, subject, headers, data from outbox
     where published_at is null and position > $1 order by position limit $2
"""
_MARK: Final = "update outbox set published_at = now() where position = any($1)"
_STATE: Final = """
    select count(*) as pending, coalesce(extract(epoch from now() - min(created_at)), 0) as age
      from outbox where published_at is null
"""


@dataclass(frozen=True, slots=True)
class _Gauges:
    pending: Any
    age: Any


class OutboxRelay:
    """Publishes committed outbox rows in the order of their resources, marks them after the ack.

    One relay a database is at work, held by an advisory lock of the session; the others stand by and take over when
    it ends. Wakes by LISTEN/NOTIFY and polls besides.
    """

    def __init__(
        self, database: Database, bus: Bus, *, holder: str, batch: int = 500, metrics: Metrics | None = None
    ) -> None:
        """holder: who holds the lease, for logs."""
        self._database = database
        self._bus = bus
        self._holder = holder
        self._batch = batch
        self._wake = asyncio.Event()
        self._gauges = _gauges(metrics) if metrics else None

    async def run(self) -> None:
        """Until cancelled; outages of the database and the bus are waited out."""
        backoff = _FIRST_BACKOFF
        while True:
            try:
                await self._hold_lease()
            except Error as error:
                _log.warning("outbox relay lost its database", holder=self._holder, error=error.message)
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, _LONGEST_BACKOFF)

    async def _hold_lease(self) -> None:
        connection = await self._database.connect_alone()
        try:
            with translated():
                # Stand-by: the server wakes us when the holder's session ends.
                await connection.execute("select pg_advisory_lock($1)", _LEASE)
                await connection.add_listener(CHANNEL, self._notified)
                _log.info("outbox relay holds the lease", holder=self._holder)
                await self._work(connection)
        finally:
            connection.terminate()

    async def _work(self, connection: "Connection[Record]") -> None:
        backoff = _FIRST_BACKOFF
        while True:
            self._wake.clear()
            complete = await self._drain(connection)
            await self._measure(connection)
            if complete:
                backoff = _FIRST_BACKOFF
                await self._wait(_POLL_SECONDS)
            else:
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, _LONGEST_BACKOFF)

    async def _drain(self, connection: "Connection[Record]") -> bool:
        """Publish all that waits; answers whether the bus took it. The next batch is read while one is under way."""
        after = 0
        rows = await connection.fetch(_WAITING, after, self._batch)
        while rows:
            published, following = await asyncio.gather(
                self._bus.send([_message(row) for row in rows]),
                connection.fetch(_WAITING, rows[-1]["position"], self._batch),
            )
            await connection.execute(_MARK, [r["position"] for r in rows if str(r["event_id"]) in published.acked])
            if published.failed:
                error = next(iter(published.failed.values()))
                _log.warning("events were not taken by the bus", count=len(published.failed), error=error.message)
                return False
            rows = following
        return True

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _measure(self, connection: "Connection[Record]") -> None:
        if self._gauges is None:
            return
        state = await connection.fetchrow(_STATE)
        if state is not None:
            self._gauges.pending.set(state["pending"])
            self._gauges.age.set(float(state["age"]))

    def _notified(self, *_: object) -> None:
        self._wake.set()


def _message(row: Record) -> Outgoing:
    return Outgoing(str(row["event_id"]), row["subject"], row["data"], json.loads(row["headers"]))


def _gauges(metrics: Metrics) -> _Gauges:
    return _Gauges(
        metrics.gauge(names.OUTBOX_PENDING, "Committed events that the bus does not have yet."),
        metrics.gauge(names.OUTBOX_AGE, "Age of the oldest of them."),
    )
