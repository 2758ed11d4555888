import asyncio
from contextlib import asynccontextmanager

import pytest
from forgepoint.events.v1 import events_pb2
from fp_events import Broadcast, Event, Published
from fp_kernel import Unavailable
from fp_postgres import OutboxRelay


def event(resource="r"):
    payload = events_pb2.ModelArchived(model_id=resource)
    return Event(type="fp.models.archived", payload=payload, team="alpha", resource_id=resource, summary="archived")


async def add(database, count, resource="r"):
    async with database.transaction() as tx:
        for _ in range(count):
            tx.outbox.add(event(resource))


async def pending(database):
    return await database.fetchval("select count(*) from outbox where published_at is null")


async def until(condition, patience=10.0):
    async with asyncio.timeout(patience):
        while not await condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(*relays):
    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(relay.run()) for relay in relays]
        yield started
        for task in started:
            task.cancel()


class Recording:
    """A bus that remembers what it took, and refuses while told to."""

    def __init__(self):
        self.taken = []
        self.refuses = False

    async def send(self, messages):
        if self.refuses:
            return Published(frozenset(), {message.id: Unavailable("away") for message in messages})
        self.taken += [message.id for message in messages]
        return Published(frozenset(message.id for message in messages), {})


async def test_what_is_committed_reaches_the_bus_in_order_and_is_marked(database, bus):
    got = []

    async def take(taken):
        got.append(taken.sequence)

    relay = OutboxRelay(database, bus, holder="one", batch=7)
    caught_up = asyncio.Event()
    async with running(relay), asyncio.TaskGroup() as tasks:
        listening = tasks.create_task(
            bus.broadcast(Broadcast("t", ("fp.models.>",), deliver="all"), take, caught_up=caught_up)
        )
        await caught_up.wait()
        await add(database, 50)
        await until(lambda: asyncio.sleep(0, len(got) == 50))
        await until(lambda: none_pending(database))
        listening.cancel()

    assert got == list(range(1, 51))


async def none_pending(database):
    return await pending(database) == 0


async def test_while_the_bus_is_away_events_wait_and_then_go(database):
    bus = Recording()
    bus.refuses = True
    await add(database, 3)
    async with running(OutboxRelay(database, bus, holder="one")):
        await asyncio.sleep(0.3)
        assert await pending(database) == 3
        bus.refuses = False
        await until(lambda: none_pending(database))

    assert len(bus.taken) == 3


async def test_one_relay_works_and_the_other_takes_over_when_it_ends(database):
    first, second = Recording(), Recording()
    async with running(OutboxRelay(database, first, holder="one")) as (one,):
        await add(database, 1)
        await until(lambda: none_pending(database))
        async with running(OutboxRelay(database, second, holder="two")):
            await add(database, 1)
            await until(lambda: none_pending(database))
            assert (len(first.taken), len(second.taken)) == (2, 0)
            one.cancel()
            await asyncio.wait([one])
            await add(database, 1)
            await until(lambda: none_pending(database))

    assert (len(first.taken), len(second.taken)) == (2, 1)


async def test_a_relay_whose_session_is_cut_goes_on(database):
    bus = Recording()
    async with running(OutboxRelay(database, bus, holder="one")):
        await add(database, 1)
        await until(lambda: none_pending(database))
        await database.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'things lease'"
        )
        await add(database, 1)
        await until(lambda: none_pending(database))

    assert len(bus.taken) == 2


@pytest.mark.parametrize("batch", [1, 100])
async def test_every_batch_size_gives_each_event_once(database, batch):
    bus = Recording()
    await add(database, 25, "a")
    await add(database, 25, "b")
    async with running(OutboxRelay(database, bus, holder="one", batch=batch)):
        await until(lambda: none_pending(database))

    assert len(bus.taken) == len(set(bus.taken)) == 50
