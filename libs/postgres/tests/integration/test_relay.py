import asyncio
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from fp_events import STREAMS, Published
from fp_kernel import ResourceExhausted
from fp_postgres import Database, OutboxRelay, republish
from fp_telemetry import Metrics
from fp_testkit.memory_bus import MemoryBus
from fp_testkit.patience import PATIENCE
from fp_testkit.suites.consuming import Recorder, consuming, quick, registered


class Recording(MemoryBus):
    """A bus that says when it has taken something, and refuses resources that it is told to refuse."""

    def __init__(self):
        super().__init__()
        self.refused = set()
        self.sizes = []
        self._news = asyncio.Event()

    async def send(self, messages):
        self.sizes.append(len(messages))
        refused = {m.id: ResourceExhausted("full") for m in messages if m.id in self.refused}
        taken = await super().send([m for m in messages if m.id not in self.refused])
        self._news.set()
        return Published(taken.acked, {**taken.failed, **refused})

    async def until(self, reached):
        async with asyncio.timeout(PATIENCE):
            while not reached(self):
                self._news.clear()
                await self._news.wait()


@pytest_asyncio.fixture
async def memory():
    bus = Recording()
    await bus.ensure(STREAMS, ())
    return bus


@asynccontextmanager
async def running(*relays):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(relay.run()) for relay in relays]
        yield tasks
        for task in tasks:
            task.cancel()


async def add(database, *names):
    events = [registered(name) for name in names]
    async with database.transaction() as tx:
        for event in events:
            tx.outbox.add(event)
    return [event.id for event in events]


async def published(database):
    """Wait until nothing waits in the outbox."""
    async with asyncio.timeout(PATIENCE):
        while await database.fetchval("select count(*) from fp_outbox where published_at is null"):
            await asyncio.sleep(0.01)


async def test_what_is_committed_reaches_a_consumer_in_order(database, bus):
    recorder = Recorder()
    async with running(OutboxRelay(database, bus, holder="one", batch=7)), consuming(bus, quick("order"), recorder):
        ids = await add(database, *["a"] * 50)
        await recorder.has(50)
        await published(database)
    assert recorder.ids == ids
    assert [event.sequence for event in recorder.handled] == list(range(1, 51))


@pytest.mark.parametrize("batch", [1, 3, 100])
async def test_every_batch_size_gives_each_event_once(database, memory, batch):
    ids = await add(database, *["a", "b"] * 5)
    async with running(OutboxRelay(database, memory, holder="one", batch=batch)):
        await published(database)
    assert [event.id for event in memory.events] == ids
    assert max(memory.sizes) <= batch


async def test_a_commit_wakes_the_relay_of_its_own_process(database, memory):
    async with running(OutboxRelay(database, memory, holder="one")):
        await add(database, "a")
        await memory.until(lambda bus: len(bus.events) == 1)
        assert database.wakeup.relay_is_here
        assert not database.wakeup.must_notify


async def test_a_commit_of_another_process_is_heard(database, url, memory, monkeypatch):
    elsewhere = await Database.connect(url, source="test")
    async with running(OutboxRelay(database, memory, holder="one")):
        await add(database, "a")
        await memory.until(lambda bus: len(bus.events) == 1)
        assert elsewhere.wakeup.must_notify
        # A hundredth of a second on a quiet machine; here nobody waits it out.
        monkeypatch.setattr("fp_postgres.wakeup._PAUSE", 3_600.0)
        await add(elsewhere, "b")
        await memory.until(lambda bus: len(bus.events) == 2)
        assert not elsewhere.wakeup.must_notify
    await elsewhere.close()


async def test_while_the_bus_is_away_events_wait_and_then_go_in_order(database, memory):
    memory.away = True
    ids = await add(database, "a", "b")
    async with running(OutboxRelay(database, memory, holder="one")):
        await memory.until(lambda bus: len(bus.sizes) >= 2)
        assert not memory.events
        memory.away = False
        ids += await add(database, "a")
        await published(database)
    assert [event.id for event in memory.events] == ids


async def test_a_refused_event_holds_its_own_resource_only(database, memory):
    first, second, other = await add(database, "a", "a", "b")
    memory.refused = {first}
    async with running(OutboxRelay(database, memory, holder="one", batch=1)):
        await memory.until(lambda bus: [event.id for event in bus.events] == [other])
        memory.refused = set()
        await published(database)
    assert [event.id for event in memory.events] == [other, first, second]


async def test_one_relay_works_and_the_other_takes_over_when_it_ends(database, url, memory):
    elsewhere = await Database.connect(url, source="test")
    second = Recording()
    await second.ensure(STREAMS, ())
    async with running(OutboxRelay(database, memory, holder="one")) as (one,):
        await add(database, "a")
        await published(database)
        async with running(OutboxRelay(elsewhere, second, holder="two")):
            await add(elsewhere, "a")
            await published(database)
            assert (len(memory.events), len(second.events)) == (2, 0)
            one.cancel()
            await add(database, "a")
            await second.until(lambda bus: len(bus.events) == 1)
            await published(database)
    assert (len(memory.events), len(second.events)) == (2, 1)
    await elsewhere.close()


async def test_a_relay_whose_session_is_cut_goes_on(database, memory):
    async with running(OutboxRelay(database, memory, holder="one")):
        await add(database, "a")
        await published(database)
        cut = await database.fetch(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test relay one'"
        )
        assert len(cut) == 1
        await add(database, "a")
        await published(database)
    assert [event.sequence for event in memory.events] == [1, 2]


async def test_what_was_published_can_be_published_again_under_its_ids(database, bus):
    recorder, again = Recorder(), Recorder()
    since = await database.fetchval("select now()")
    async with running(OutboxRelay(database, bus, holder="one")):
        async with consuming(bus, quick("first"), recorder):
            ids = await add(database, "a", "b")
            await recorder.has(2)
            await published(database)
        async with consuming(bus, quick("first"), again):
            assert await republish(database, since=since, subject="fp.pipelines.>") == 0
            assert await republish(database, since=since, subject="fp.models.>") == 2
            await again.has(2)
    assert again.ids == recorder.ids == ids


async def test_a_day_of_events_is_published_again_in_bites(database, memory, monkeypatch):
    monkeypatch.setattr("fp_postgres.republication._BITE", 2)
    since = await database.fetchval("select now()")
    await add(database, "a", "b", "c", "d", "e")
    await database.execute("update fp_outbox set published_at = now() where position <> 3")
    assert await republish(database, since=since) == 4


async def test_the_backlog_is_measured(database, memory):
    metrics = Metrics("test")
    memory.away = True
    await add(database, "a", "b")
    async with running(OutboxRelay(database, memory, holder="one", metrics=metrics)):
        await memory.until(lambda bus: len(bus.sizes) >= 2)
    text = metrics.render()[0].decode()
    assert "fp_test_outbox_pending 2.0" in text
    assert "fp_test_outbox_oldest_age_seconds" in text


async def test_the_size_of_every_table_is_measured_with_its_partitions_as_one(database, memory):
    await database.execute("create table things (id int primary key) partition by range (id)")
    await database.execute("create table things_1 partition of things for values from (0) to (10)")
    await database.execute("create table things_2 partition of things for values from (10) to (20)")
    await database.execute("insert into things values (1), (2), (11)")
    await database.execute("analyze things")
    metrics = Metrics("test")
    async with running(OutboxRelay(database, memory, holder="one", metrics=metrics)):
        async with asyncio.timeout(PATIENCE):
            while b'table_rows{table="things"}' not in metrics.render()[0]:
                await asyncio.sleep(0.01)
    text = metrics.render()[0].decode()
    assert 'fp_test_table_rows{table="things"} 3.0' in text
    assert 'fp_test_table_bytes{table="fp_inbox"}' in text
