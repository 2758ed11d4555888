"""A stream of a real server that takes no more, beside one that does."""

import asyncio
from contextlib import asynccontextmanager

import nats
import pytest_asyncio
from fp_events import Event
from fp_postgres import Database, OutboxRelay
from fp_testkit.patience import PATIENCE
from fp_testkit.suites.consuming import registered

FULL, FREE = "fp.models.registered", "fp.pipelines.completed"
STUCK = 2_000


def event(subject: str, resource: str) -> Event:
    return registered(resource, type=subject)


@pytest_asyncio.fixture
async def server(nats_url):
    client = await nats.connect(nats_url)
    yield client.jetstream(timeout=PATIENCE)
    await client.close()


@pytest_asyncio.fixture
async def full(bus, server):
    """MODELS takes one message and no more, until `room` is made."""
    config = (await server.stream_info("MODELS")).config
    await server.update_stream(config.evolve(max_msgs=1))

    async def room():
        await server.update_stream(config)

    return room


@asynccontextmanager
async def relaying(database, bus, batch=500):
    async with asyncio.TaskGroup() as group:
        task = group.create_task(OutboxRelay(database, bus, holder="one", batch=batch).run())
        yield
        task.cancel()


async def add(database: Database, *events: Event) -> None:
    async with database.transaction() as tx:
        for one in events:
            tx.outbox.add(one)


async def until(reached) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await reached():
            await asyncio.sleep(0.01)


async def held(database: Database, count: int) -> None:
    """Wait until so many rows wait for their stream."""

    async def reached():
        return await database.fetchval("select count(*) from fp_outbox where held = 'MODELS'") == count

    await until(reached)


async def published(database: Database, subject: str = FULL) -> None:
    """Wait until nothing of the subject waits."""

    async def reached():
        return not await database.fetchval(
            "select exists (select from fp_outbox where published_at is null and subject = $1)", subject
        )

    await until(reached)


async def rows_read(database: Database) -> int:
    """Rows of the outbox that any session has fetched so far; sessions tell when they end."""
    return await database.fetchval("select idx_tup_fetch from pg_stat_user_tables where relname = 'fp_outbox'")


async def test_what_goes_to_another_stream_passes_a_full_one_also_for_the_same_resource(database, bus, full):
    await add(database, event(FULL, "first"), *(event(FULL, "team") for _ in range(STUCK)))
    async with relaying(database, bus):
        await held(database, STUCK)
        for _ in range(5):
            await add(database, event(FREE, "team"), event(FREE, "another"))
            await published(database, FREE)
        await add(database, event(FULL, "team"))
        await held(database, STUCK + 1)
        await full()
        await published(database)
    order = await database.fetch(
        """
        select position from fp_outbox where subject = $1 and resource_id = 'model-team' order by published_at, position
        """,
        FULL,
    )
    assert [row["position"] for row in order] == sorted(row["position"] for row in order)


async def test_events_that_wait_are_read_once_however_often_their_stream_is_tried(database, url, bus, full):
    attempts = 0
    send = bus.send

    async def counted(messages):
        nonlocal attempts
        attempts += len(messages)
        return await send(messages)

    bus.send = counted
    await add(database, event(FULL, "first"), *(event(FULL, f"team-{number}") for number in range(STUCK)))
    before = await rows_read(database)
    async with relaying(database, bus):
        await held(database, STUCK)
        tried = attempts
        assert tried <= 501  # one batch, and what comes behind it knows that the stream is full
        async with asyncio.timeout(PATIENCE):
            while attempts < tried + 3:
                await asyncio.sleep(0.05)
    assert attempts <= tried + 4

    async def reported():
        return await rows_read(database) > before

    await until(reported)
    # Read as new, and once more to be noted.
    assert await rows_read(database) - before < 3 * STUCK


async def test_a_relay_that_takes_over_knows_what_waits(database, bus, full):
    await add(database, event(FULL, "first"), *(event(FULL, "team") for _ in range(10)))
    async with relaying(database, bus):
        await held(database, 10)
    await full()
    async with relaying(database, bus):
        await published(database)
