"""The database goes and comes back."""

import asyncio
from contextlib import suppress
from pathlib import Path

import nats
import pytest
import pytest_asyncio
from fp_devstack import Stack
from fp_events import STREAMS, Consumer
from fp_kernel import Unavailable
from fp_postgres import Database, OutboxRelay, migrate
from fp_testkit.memory_bus import MemoryBus
from fp_testkit.patience import PATIENCE
from fp_testkit.suites.consuming import registered, running

MIGRATIONS = Path(__file__).parent / "migrations"


@pytest_asyncio.fixture
async def stack(tmp_path):
    stack = Stack(tmp_path / "postgres", stores=("postgres",))
    await asyncio.to_thread(stack.start)
    yield stack
    await asyncio.to_thread(stack.stop)


@pytest_asyncio.fixture
async def database(stack):
    url = await asyncio.to_thread(stack.create_database, "test")
    await migrate(url, MIGRATIONS, service="test")
    database = await Database.connect(url, source="test")
    yield database
    await database.close()


async def at_last(attempt):
    """Repeat what an outage may spoil until it succeeds."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await attempt()
            except Unavailable:
                await asyncio.sleep(0.02)


async def until_away(database):
    """A backend outlives its killed postmaster until it looks; it may still answer once or twice."""
    async with asyncio.timeout(PATIENCE):
        with suppress(Unavailable):
            while True:
                await database.ping()


async def test_an_outage_is_unavailable_and_ends_by_itself(stack, database):
    await asyncio.to_thread(stack.kill, "postgres")
    await until_away(database)
    with pytest.raises(Unavailable):
        async with database.transaction() as tx:
            await tx.execute("insert into accounts values ('a', 1)")
    await asyncio.to_thread(stack.revive)
    await at_last(database.ping)
    assert await database.fetchval("select count(*) from accounts") == 0


async def test_a_relay_goes_on_after_an_outage(stack, database):
    bus = MemoryBus()
    await bus.ensure(STREAMS, ())

    async def add(name):
        async with database.transaction() as tx:
            tx.outbox.add(registered(name))

    async def relayed():
        while await database.fetchval("select count(*) from fp_outbox where published_at is null"):
            await asyncio.sleep(0.01)

    async with running(OutboxRelay(database, bus, holder="one").run()):
        await add("before")
        await at_last(relayed)
        await asyncio.to_thread(stack.kill, "postgres")
        await asyncio.to_thread(stack.revive)
        await at_last(lambda: add("after"))
        await at_last(relayed)
    assert [event.payload.model_name for event in bus.events] == ["before", "after"]


async def test_a_consumer_waits_for_its_database_longer_than_all_attempts_together(stack, database, bus, nats_url):
    """Each cycle of attempts made dead letters of two thousand events, as long as the database was away."""
    consumer = Consumer("accounts", ("fp.models.>",), batch=4, backoff=(0.05,), max_attempts=2)
    events, calls = [registered(str(number)) for number in range(60)], []

    async def handle(batch):
        calls.append(len(batch))
        async with database.transaction() as tx:
            for event in batch:
                if await tx.inbox.first(consumer.name, event.id):
                    await tx.execute("insert into accounts values ($1, 1)", event.id)

    async def taken():
        return await database.fetchval("select count(*) from accounts")

    await asyncio.to_thread(stack.kill, "postgres")
    await until_away(database)
    client = await nats.connect(nats_url, connect_timeout=int(PATIENCE))
    await bus.publish(events)
    async with running(bus.consume(consumer, handle)), asyncio.timeout(PATIENCE):
        while len(calls) < 3 * consumer.max_attempts:
            await asyncio.sleep(0.02)
        # Those in hand, and those that came ahead of need.
        info = await client.jetstream(timeout=PATIENCE).consumer_info("MODELS", consumer.name)
        assert info.num_ack_pending <= 4 * consumer.batch
        assert set(calls[1:]) == {1}
        await asyncio.to_thread(stack.revive)
        while await at_last(taken) < len(events):
            await asyncio.sleep(0.02)
    assert not await bus.dead_letters.list()
    await client.close()
