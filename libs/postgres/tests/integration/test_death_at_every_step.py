"""A process is killed before each of its steps; what its successor finds must lead to every effect, once."""

import asyncio
import itertools
from pathlib import Path

from fp_events import Consumer, Matching, connect
from fp_events.consumer.delivery import NatsDelivery
from fp_events.streams import DLQ, MODELS
from fp_postgres import Database, OutboxRelay
from fp_testkit.crash import CrashPoints
from fp_testkit.patience import PATIENCE
from fp_testkit.suites.consuming import registered, running

MIGRATIONS = Path(__file__).parent / "migrations"


def consumer_of(name):
    # The dead do not acknowledge: a short wait brings their events to the successor.
    return Consumer(name, ("fp.models.>",), ack_wait=0.3, backoff=(0.05,))


def handler(database, name):
    """What every consumer does: inbox and effect in one transaction."""

    async def handle(events):
        async with database.transaction() as tx:
            fresh = await tx.inbox.fresh(name, [event.id for event in events])
            await tx.executemany("insert into effects (event_id) values ($1)", [(event_id,) for event_id in fresh])

    return handle


async def change_and_relay(crash: CrashPoints, url: str, nats_url: str) -> None:
    database = crash.wrap(await Database.connect(url, source="test"))
    bus = crash.wrap(await connect(nats_url, name="test"))
    for account in ("a", "b"):
        async with database.transaction() as tx:
            await tx.execute("insert into accounts values ($1, 1)", account)
            tx.outbox.add(registered(account))
    async with running(OutboxRelay(database, bus, holder="dying", batch=1).run()):
        while await database.fetchval("select count(*) from fp_outbox where published_at is null"):
            await asyncio.sleep(0.01)


async def test_a_change_and_its_event_survive_death_at_every_step(kill_at, databases, nats_url):
    names = (f"kill-{number}" for number in itertools.count())

    async def arrange():
        return await databases.create(MIGRATIONS), nats_url

    async def check(run):
        url, _ = run.arguments
        database, bus = await Database.connect(url, source="test"), await connect(nats_url, name="test")
        name = next(names)
        await bus.ensure([MODELS, DLQ], [consumer_of(name)])
        changes = await database.fetchval("select count(*) from accounts")
        async with running(
            OutboxRelay(database, bus, holder="successor").run(),
            bus.consume(consumer_of(name), handler(database, name)),
        ):
            await _relayed(database)
            await _settled(bus, consumer_of(name))
        assert await database.fetchval("select count(distinct id) from fp_outbox") == changes
        effects = "select count(*) from effects where event_id in (select id from fp_outbox)"
        assert await database.fetchval(effects) == changes
        await bus.close()
        await database.close()

    assert await kill_at(change_and_relay, check, arrange=arrange) > 10


async def consume(crash: CrashPoints, url: str, nats_url: str, name: str, count: int) -> None:
    database = crash.wrap(await Database.connect(url, source="test"))
    bus = await connect(nats_url, name="test")
    finished, left = asyncio.Event(), [count]
    acknowledge = NatsDelivery.ack

    async def dying_ack(self: NatsDelivery) -> None:
        crash.point()
        await acknowledge(self)
        crash.point()
        left[0] -= 1
        if not left[0]:
            finished.set()

    NatsDelivery.ack = dying_ack  # type: ignore[method-assign]
    async with running(bus.consume(consumer_of(name), handler(database, name))):
        async with asyncio.timeout(PATIENCE):
            await finished.wait()


async def test_an_effect_happens_once_whatever_step_its_consumer_dies_at(kill_at, databases, nats_url):
    bus = await connect(nats_url, name="test")
    names = (f"kill-{number}" for number in itertools.count())
    events = [registered("a"), registered("b")]
    await bus.ensure([MODELS, DLQ], ())
    await bus.publish(events)

    async def arrange():
        return await databases.create(MIGRATIONS), nats_url, next(names), len(events)

    async def check(run):
        url, _, name, _ = run.arguments
        database = await Database.connect(url, source="test")
        await bus.ensure((), [consumer_of(name)])
        async with running(bus.consume(consumer_of(name), handler(database, name))):
            await _settled(bus, consumer_of(name))
        rows = await database.fetch("select event_id::text from effects order by id")
        assert sorted(row["event_id"] for row in rows) == sorted(event.id for event in events)
        assert not await bus.dead_letters.list(Matching(name))
        await database.close()

    assert await kill_at(consume, check, arrange=arrange) > 6
    await bus.close()


async def _relayed(database):
    async with asyncio.timeout(PATIENCE):
        while await database.fetchval("select count(*) from fp_outbox where published_at is null"):
            await asyncio.sleep(0.01)


async def _settled(bus, consumer):
    """Until the server has an ack for everything."""
    async with asyncio.timeout(PATIENCE):
        while await bus.lag(consumer):
            await asyncio.sleep(0.01)
