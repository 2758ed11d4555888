"""Events per second from an outbox row through JetStream to a consumer's committed effect.

Both sides start with the same rows in an outbox and end when every event has its inbox row and its effect, in batches
of the same size. Ours is `OutboxRelay`, `NatsBus.consume` and `Database.transaction` as a service uses them. The floor
is asyncpg and nats-py with nothing between: the same tables, the same statements, the same envelope, but no telemetry,
no CloudEvents headers, no retries, no dead letters, no reconnects.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import uvloop
from bare_event_path import Bare
from forgepoint.events.v1.events_pb2 import InferenceCompleted
from form import report
from fp_devstack import Stack
from fp_events import STREAMS, Consumer, Event, NatsBus, connect
from fp_postgres import Database, OutboxRelay, migrate

EVENTS = 5_000
ROUNDS = 8
PUBLISHED_AT_ONCE = 500
CONSUMED_AT_ONCE = 100
WRITTEN_AT_ONCE = 100
CONSUMER = Consumer("bench", ("fp.inference.completed",), batch=CONSUMED_AT_ONCE)
EFFECTS = """
create table effects (event_id uuid primary key, model text not null, latency_ms bigint not null);
"""
EFFECT = """
insert into effects (event_id, model, latency_ms) select * from unnest($1::uuid[], $2::text[], $3::bigint[])
"""


def completed(number: int) -> Event:
    payload = InferenceCompleted(
        request_id=f"request-{number}", model_id="model-1", model_name="flights", version="3", latency_ms=number % 50
    )
    payload.feature_summary.feature_values.update({f"feature_{index}": index * 1.5 for index in range(8)})
    return Event(
        type="fp.inference.completed",
        payload=payload,
        team="red",
        resource_id=f"model-{number % 100}",
        summary="a prediction was made",
    )


class Ours:
    def __init__(self, database: Database, bus: NatsBus) -> None:
        self._database = database
        self._bus = bus
        self._left = 0
        self._done = asyncio.Event()

    async def fill(self, events: Sequence[Event]) -> None:
        for start in range(0, len(events), WRITTEN_AT_ONCE):
            async with self._database.transaction() as tx:
                for event in events[start : start + WRITTEN_AT_ONCE]:
                    tx.outbox.add(event)

    async def run(self, count: int) -> None:
        self._left = count
        self._done.clear()
        relay = OutboxRelay(self._database, self._bus, holder="bench", batch=PUBLISHED_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(relay.run()), group.create_task(self._bus.consume(CONSUMER, self._take))]
            await self._done.wait()
            for task in tasks:
                task.cancel()

    async def _take(self, events: Sequence[Event]) -> None:
        async with self._database.transaction() as tx:
            fresh = await tx.inbox.fresh(CONSUMER.name, [event.id for event in events])
            chosen = [event for event in events if event.id in fresh]
            await tx.execute(
                EFFECT,
                [event.id for event in chosen],
                [event.payload.model_name for event in chosen],  # type: ignore[attr-defined]
                [event.payload.latency_ms for event in chosen],  # type: ignore[attr-defined]
            )
        self._left -= len(chosen)
        if not self._left:
            self._done.set()


async def measure(postgres_url: str, nats_url: str, folder: Path) -> None:
    (folder / "0001_effects.sql").write_text(EFFECTS)
    await migrate(postgres_url, folder, service="bench")
    database = await Database.connect(postgres_url, source="bench")
    bus = await connect(nats_url, name="bench")
    await bus.ensure(STREAMS, [CONSUMER])
    ours, bare = Ours(database, bus), await Bare.open(postgres_url, nats_url, CONSUMED_AT_ONCE, PUBLISHED_AT_ONCE)
    paths: dict[str, list[float]] = {"ours": [], "floor": []}
    fills: dict[str, list[float]] = {"ours": [], "floor": []}
    for turn in range(ROUNDS + 1):
        for name in ("ours", "floor") if turn % 2 else ("floor", "ours"):
            side = ours if name == "ours" else bare
            await _clear(database)
            events = [completed(number) for number in range(EVENTS)]
            fill = await _timed(side.fill(events))
            path = await _timed(side.run(EVENTS))
            assert await database.fetchval("select count(*) from effects") == EVENTS
            print(f"{name:6} path {EVENTS / path:8.0f}/s   write {EVENTS / fill:8.0f}/s", file=sys.stderr)
            if turn:  # the first turn warms caches and plans
                paths[name].append(EVENTS / path)
                fills[name].append(EVENTS / fill)
    await bare.close()
    await bus.close()
    await database.close()
    report(
        "event_path",
        "events/s",
        statistics.median(paths["ours"]),
        statistics.median(paths["floor"]),
        extra={
            "events": EVENTS,
            "rounds": ROUNDS,
            "published_at_once": PUBLISHED_AT_ONCE,
            "consumed_at_once": CONSUMED_AT_ONCE,
            "outbox_writes_per_second": round(statistics.median(fills["ours"])),
            "outbox_write_ratio": round(statistics.median(fills["ours"]) / statistics.median(fills["floor"]), 3),
        },
    )


async def _timed(work: object) -> float:
    started = time.perf_counter()
    await work  # type: ignore[misc]
    return time.perf_counter() - started


async def _clear(database: Database) -> None:
    await database.execute("truncate fp_outbox, fp_inbox, effects, fp_sequences")
    await database.execute("checkpoint")


async def _database_url(admin_url: str) -> str:
    admin = await asyncpg.connect(admin_url)
    await admin.execute("create database bench")
    await admin.close()
    return admin_url.rpartition("/")[0] + "/bench"


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="fp-bench-") as folder:
        stack = Stack(Path(folder) / "stores", stores=("postgres", "nats"))
        endpoints = await asyncio.to_thread(stack.start)
        try:
            migrations = Path(folder) / "migrations"
            migrations.mkdir()
            await measure(await _database_url(endpoints.postgres_admin_url), endpoints.nats_url, migrations)
        finally:
            await asyncio.to_thread(stack.stop)


if __name__ == "__main__":
    uvloop.run(main())
