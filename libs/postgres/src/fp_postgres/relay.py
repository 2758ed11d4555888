"""From the outbox to the bus."""

import asyncio
import random
from typing import TYPE_CHECKING, Any, Final

from fp_events import Bus
from fp_kernel import Aborted, Unavailable
from fp_kernel.backoff import Backoff
from fp_telemetry import Metrics, get_logger, names

from fp_postgres.database import Database
from fp_postgres.failures import translated
from fp_postgres.outbox import CHANNEL
from fp_postgres.outbox_publisher import OutboxPublisher, Step

if TYPE_CHECKING:
    from asyncpg import Connection

log = get_logger(__name__)

_LEASE: Final = 0x66705F6F7574626F78 & 0x7FFFFFFFFFFFFFFF  # one relay at work in a database
_STAND_BY: Final = 1.0  # seconds between two looks at the lease
_FIRST_POLL: Final = 0.01
_LAST_POLL: Final = 1.0
_AWAY: Final = Backoff(first=0.2, longest=5.0, spread=0.0)
_MEASURE: Final = 5.0

_MEASURE_TABLES: Final = 60.0
# As the last ANALYZE saw them: counting would read them. Partitions count for their table.
_TABLES: Final = """
select coalesce(pg_partition_root(oid)::regclass::text, relname) as name,
       sum(greatest(reltuples, 0))::float8 as rows, sum(pg_total_relation_size(oid))::float8 as bytes
from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace group by 1
"""
_MOST: Final = 10_000
_BACKLOG: Final = f"""
select (select count(*) from (
            select from fp_outbox where published_at is null and held is null limit {_MOST}) as ready),
       (select count(*) from (
            select from fp_outbox where published_at is null and held is not null limit {_MOST}) as held),
       coalesce(extract(epoch from now() - (
            select created_at from fp_outbox where published_at is null order by position limit 1)), 0)
"""  # noqa: S608 -- a number of this file


class OutboxRelay:
    """Publishes committed outbox rows in the order of their resources, marks them after the ack.

    One relay a database is at work, held by an advisory lock of the session; the others stand by and take over when
    it ends. Should two ever overlap, they publish the same rows under the same ids, which the bus stores once.
    Wakes by the commits of its own process and by LISTEN/NOTIFY, and polls besides.
    """

    def __init__(
        self, database: Database, bus: Bus, *, holder: str, batch: int = 500, metrics: Metrics | None = None
    ) -> None:
        """holder: who holds the lease, for logs and `pg_stat_activity`."""
        self._database = database
        self._bus = bus
        self._holder = holder
        self._batch = batch
        self._pending = self._held = self._age = self._rows = self._bytes = None
        if metrics is not None:
            self._rows = metrics.gauge(names.TABLE_ROWS, "Rows of a table, as the server estimates.", ("table",))
            self._bytes = metrics.gauge(names.TABLE_BYTES, "Bytes of a table with its indexes.", ("table",))
            self._pending = metrics.gauge(names.OUTBOX_PENDING, f"Events committed and not yet tried, {_MOST} at most.")
            self._held = metrics.gauge(names.OUTBOX_HELD, f"Events that the bus does not take, {_MOST} at most.")
            self._age = metrics.gauge(names.OUTBOX_AGE, "Age of the oldest event that is not yet on the bus.")

    async def run(self) -> None:
        """Until cancelled; outages of the database and the bus are waited out."""
        while True:
            try:
                async with self._database.dedicated(name=f"relay {self._holder}") as connection:
                    await self._stand_by(connection)
                    await self._work(connection)
            except (Unavailable, Aborted) as error:
                log.warning("relay lost the database", holder=self._holder, error=error.message)
            await asyncio.sleep(random.uniform(0.5, 1.5) * _STAND_BY)  # noqa: S311 -- spreads load, guards nothing

    async def _stand_by(self, connection: "Connection[Any]") -> None:
        while True:
            with translated:
                if await connection.fetchval("select pg_try_advisory_lock($1)", _LEASE):
                    return
            await asyncio.sleep(random.uniform(0.5, 1.5) * _STAND_BY)  # noqa: S311 -- spreads load, guards nothing

    async def _work(self, connection: "Connection[Any]") -> None:
        log.info("relay took the lease", holder=self._holder)
        wakeup = self._database.wakeup
        with translated:
            await connection.add_listener(CHANNEL, wakeup.on_notify)
        wakeup.relay_is_here = True
        try:
            await self._publish_until_cancelled(connection)
        finally:
            wakeup.relay_is_here = False

    async def _publish_until_cancelled(self, connection: "Connection[Any]") -> None:
        """Look again at once after work was found, and ever later when there is none; pause while the bus is away."""
        wait, outages, measured, tables = _FIRST_POLL, 0, 0.0, 0.0
        loop = asyncio.get_running_loop()
        publisher = OutboxPublisher(connection, self._bus, self._batch)
        await publisher.resume()
        while True:
            step = await publisher.step()
            if loop.time() - measured > _MEASURE:
                await self._measure(connection)
                measured = loop.time()
            if loop.time() - tables > _MEASURE_TABLES:
                await self._measure_tables(connection)
                tables = loop.time()
            if step.failed:
                self._warn(step, publisher.queues)
            if step.away:
                outages += 1
                await asyncio.sleep(_AWAY.delay(outages, 1.0))
                continue
            outages = 0
            if step.read:
                wait = _FIRST_POLL
                continue
            if await self._database.wakeup.wait(min(wait, publisher.next_attempt)):
                wait = _FIRST_POLL
            else:
                wait = min(wait * 2, _LAST_POLL)

    def _warn(self, step: Step, queues: int) -> None:
        log.warning(
            "bus does not take events",
            holder=self._holder,
            failed=step.failed,
            queues=queues,
            away=step.away,
            error=step.error,
        )

    async def _measure(self, connection: "Connection[Any]") -> None:
        if self._pending is None or self._held is None or self._age is None:
            return
        with translated:
            ready, held, age = await connection.fetchrow(_BACKLOG) or (0, 0, 0.0)
        self._pending.set(ready)
        self._held.set(held)
        self._age.set(float(age))

    async def _measure_tables(self, connection: "Connection[Any]") -> None:
        if self._rows is None or self._bytes is None:
            return
        with translated:
            tables = await connection.fetch(_TABLES)
        for table in tables:
            self._rows.labels(table["name"]).set(table["rows"])
            self._bytes.labels(table["name"]).set(table["bytes"])
