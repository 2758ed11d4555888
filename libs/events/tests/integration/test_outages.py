"""The server goes and comes back, with and without a warning."""

import asyncio

import pytest
import pytest_asyncio
from fp_devstack import Stack
from fp_events import STREAMS, Broadcast, Consumer, connect, durable
from fp_kernel import Unavailable
from fp_testkit.patience import PATIENCE
from fp_testkit.suites.consuming import COMPLETED, Recorder, consuming, listening, quick, registered

BILLING = durable("billing")
MONITOR_TRAFFIC = durable("monitor-traffic")


@pytest_asyncio.fixture
async def stack(tmp_path):
    stack = Stack(tmp_path / "nats", stores=("nats",), durable=False)
    await asyncio.to_thread(stack.start)
    yield stack
    await asyncio.to_thread(stack.stop)


@pytest_asyncio.fixture
async def bus(stack):
    bus = await connect(stack.endpoints.nats_url, name="test")
    await bus.ensure(STREAMS, ())
    yield bus
    await bus.close()


async def until(reached):
    async with asyncio.timeout(PATIENCE):
        while not await reached():
            await asyncio.sleep(0.02)


async def up(bus):
    try:
        await bus.ping()
    except Unavailable:
        return False
    return True


async def down(bus):
    return not await up(bus)


async def crash(stack, bus):
    await asyncio.to_thread(stack.kill, "nats")
    await until(lambda: down(bus))


async def revive(stack):
    await asyncio.to_thread(stack.revive)


async def publish_at_last(bus, event):
    """As a relay does: again until the server has it."""

    async def delivered():
        return event.id in (await bus.publish([event])).acked

    await until(delivered)


async def test_an_outage_is_told_and_ends_by_itself(stack, bus):
    event = registered()
    await crash(stack, bus)
    published = await bus.publish([event])
    assert isinstance(published.failed[event.id], Unavailable)
    with pytest.raises(Unavailable):
        await bus.ensure(STREAMS, ())
    with pytest.raises(Unavailable):
        await bus.dead_letters.list()
    await revive(stack)
    await publish_at_last(bus, event)


async def test_a_copy_misses_nothing_across_crashes_of_the_server(stack, bus):
    """Billing lets its messages go at once; copied by a reader without acknowledgement, one in thirty was lost."""
    billed, sent = Recorder(), 0
    async with consuming(bus, BILLING, billed):
        for number in range(4):
            events = [registered(f"{number} {each}", type=COMPLETED) for each in range(300)]
            publishing = asyncio.create_task(bus.publish(events))
            await billed.until(lambda before=sent: len(set(billed.ids)) > before)
            await crash(stack, bus)
            await revive(stack)
            await publishing
            for event in events:
                await publish_at_last(bus, event)
            sent += len(events)
            await billed.until(lambda all_of=sent: len(set(billed.ids)) == all_of)
    counted = Recorder()
    async with consuming(bus, MONITOR_TRAFFIC, counted):
        await counted.until(lambda: set(counted.ids) == set(billed.ids))


async def test_acks_that_were_under_way_are_told_as_unknown_at_once(stack, bus):
    events = [registered(str(number)) for number in range(2_000)]
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        publishing = group.create_task(bus.publish(events))
        await asyncio.sleep(0)
        group.create_task(asyncio.to_thread(stack.kill, "nats"))
    published = publishing.result()
    assert len(published.acked) + len(published.failed) == len(events)


async def test_a_consumer_goes_on_where_it_was(stack, bus):
    recorder = Recorder()
    before, after = registered("before"), registered("after")
    async with consuming(bus, quick("steady"), recorder):
        await bus.publish([before])
        await recorder.has(1)
        await crash(stack, bus)
        await revive(stack)
        await publish_at_last(bus, after)
        await recorder.until(lambda: after.id in recorder.ids)
    assert set(recorder.ids) == {before.id, after.id}


async def test_a_broadcast_misses_nothing_over_an_outage(stack, bus):
    recorder = Recorder()
    before, after = registered("before"), registered("after")
    async with listening(bus, Broadcast("routes", ("fp.models.>",)), recorder):
        await bus.publish([before])
        await recorder.has(1)
        await crash(stack, bus)
        await revive(stack)
        await publish_at_last(bus, after)
        await recorder.has(2)
    assert recorder.ids == [before.id, after.id]


async def test_an_orderly_restart_is_an_outage_like_any_other(stack, bus):
    recorder, heard = Recorder(), Recorder()
    before, after = registered("before"), registered("after")
    async with (
        consuming(bus, quick("orderly"), recorder),
        listening(bus, Broadcast("orderly", ("fp.models.>",)), heard),
    ):
        await bus.publish([before])
        await recorder.has(1)
        await asyncio.to_thread(stack.stop)
        await until(lambda: down(bus))
        await asyncio.to_thread(stack.start)
        await publish_at_last(bus, after)
        await recorder.until(lambda: after.id in recorder.ids)
        await heard.has(2)
    assert heard.ids == [before.id, after.id]


@pytest.mark.parametrize("reason", ["'Slow Consumer'", "'User Authentication Revoked'"])
async def test_a_client_that_the_server_turned_away_is_replaced(bus, reason):
    recorder, heard = Recorder(), Recorder()
    before, after = registered("before"), registered("after")
    async with (
        consuming(bus, quick("turned"), recorder),
        listening(bus, Broadcast("turned", ("fp.models.>",)), heard),
    ):
        await bus.publish([before])
        await recorder.has(1)
        await bus._connection.client._process_err(reason)
        await until(lambda: down(bus))
        await publish_at_last(bus, after)
        await recorder.until(lambda: after.id in recorder.ids)
        await heard.has(2)
    assert heard.ids == [before.id, after.id]


async def test_a_bus_can_be_made_before_its_server_is_there(stack):
    url = stack.endpoints.nats_url
    await asyncio.to_thread(stack.kill, "nats")
    bus = await connect(url, name="early")
    with pytest.raises(Unavailable):
        await bus.ping()
    recorder, event = Recorder(), registered()
    async with consuming(bus, quick("early"), recorder):
        await revive(stack)
        await until(lambda: up(bus))
        await publish_at_last(bus, event)
        await recorder.has(1)
    await bus.close()


async def test_a_bus_that_never_found_a_server_can_be_closed():
    bus = await connect("nats://127.0.0.1:1", name="lost")
    assert await down(bus)
    await bus.close()


async def test_a_handler_at_work_over_an_outage_is_done_once_more_at_most(stack, bus):
    started, release = asyncio.Event(), asyncio.Event()
    recorder = Recorder()

    async def slow(events):
        started.set()
        await release.wait()
        await recorder(events)

    event = registered()
    consumer = Consumer("slow", ("fp.models.>",), ack_wait=1.0, backoff=(0.05,))
    async with consuming(bus, consumer, slow):
        await bus.publish([event])
        await started.wait()
        await crash(stack, bus)
        await revive(stack)
        await until(lambda: up(bus))
        release.set()
        await recorder.has(1)

        async def settled():
            return await bus.lag(consumer) == 0

        await until(settled)
    assert set(recorder.ids) == {event.id}
