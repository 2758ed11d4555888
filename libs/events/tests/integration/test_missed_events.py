"""What a consumer is told of the events that a full stream dropped before it had them."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import pytest_asyncio
from fp_events import Missed, connect, each
from fp_events.streams import USAGE
from fp_kernel import Unavailable
from fp_testkit.patience import PATIENCE
from fp_testkit.suites.consuming import Recorder, quick, registered, running

USED = "fp.billing.usage.recorded"
CONSUMER = quick("statistics", "fp.billing.usage.>")


class Hook:
    """Notes what it is called with; fails as often as it is told to."""

    def __init__(self, recorder, fails=0):
        self.calls: list[Missed] = []
        self.handled_before: list[int] = []
        self._recorder = recorder
        self._fails = fails

    async def __call__(self, missed):
        self.calls.append(missed)
        self.handled_before.append(len(self._recorder.ids))
        if len(self.calls) <= self._fails:
            raise Unavailable("the table of gaps is away")


@pytest_asyncio.fixture
async def small(nats_url, server, monkeypatch):
    """A bus whose usage stream holds a few events."""
    monkeypatch.setenv(f"FP_STREAM_{USAGE.name}_MAX_BYTES", "20000")
    for stream in await server.streams_info():
        await server.delete_stream(stream.config.name)
    connected = await connect(nats_url, name="test")
    await connected.ensure([USAGE], [])
    yield connected
    await connected.close()


@asynccontextmanager
async def consuming(bus, recorder, hook, consumer=CONSUMER):
    async with running(bus.consume(consumer, recorder, missed=hook)):
        yield


async def published(bus, count):
    events = [registered(str(number), type=USED) for number in range(count)]
    assert not (await bus.publish(events)).failed
    return events


async def times(server):
    """Of the oldest message in the stream, by its number."""
    state = (await server.stream_info(USAGE.name)).state
    return state.first_seq, (await server.get_msg(USAGE.name, state.first_seq)).time


async def test_a_consumer_that_stood_still_is_told_what_it_missed_before_it_goes_on(small, server):
    recorder = Recorder()
    async with consuming(small, recorder, Hook(recorder)):
        await published(small, 5)
        await recorder.has(5)
    handled = (await server.get_msg(USAGE.name, 5)).time
    await published(small, 200)
    first, oldest = await times(server)
    hook = Hook(recorder)
    async with consuming(small, recorder, hook):
        await recorder.has(5 + 205 - first + 1)
    (missed,) = hook.calls
    assert (missed.consumer, missed.stream) == ("statistics", "USAGE")
    assert (missed.first, missed.last, missed.events) == (6, first - 1, first - 6)
    assert missed.until == oldest
    assert handled <= missed.since <= missed.until
    assert hook.handled_before == [5]


async def test_a_consumer_slower_than_its_stream_is_told_behind_what_it_has_in_hand(small, server):
    recorder, go_on, stands = Recorder(), asyncio.Event(), asyncio.Event()

    async def slow(event):
        stands.set()
        await go_on.wait()
        await recorder([event])

    hook = Hook(recorder)
    consumer = replace(CONSUMER, batch=2, timeout=PATIENCE)
    async with consuming(small, each(slow), hook, consumer):
        events = await published(small, 10)
        async with asyncio.timeout(PATIENCE):
            await stands.wait()
        stored = [(await server.get_msg(USAGE.name, number)).time for number in range(1, 11)]
        events += await published(small, 200)
        first, oldest = await times(server)
        go_on.set()
        await recorder.until(lambda: recorder.ids[-1:] == [events[-1].id])
    (missed,) = hook.calls
    in_hand = missed.first - 1
    assert 2 <= in_hand < 10
    assert recorder.ids == [event.id for event in (*events[:in_hand], *events[first - 1 :])]
    assert hook.handled_before == [in_hand]
    assert (missed.last, missed.since, missed.until) == (first - 1, stored[in_hand - 1], oldest)


async def test_a_hook_that_fails_is_called_again_and_nothing_is_handled_meanwhile(small):
    recorder = Recorder()
    await small.ensure([], [CONSUMER])
    await published(small, 200)
    hook = Hook(recorder, fails=2)
    async with consuming(small, recorder, hook):
        await recorder.has(1)
    assert len(hook.calls) == 3
    assert len(set(hook.calls)) == 1
    assert hook.handled_before == [0, 0, 0]


async def test_a_process_that_ends_before_its_hook_returned_reports_the_gap_at_its_next_start(small):
    recorder = Recorder()
    await small.ensure([], [CONSUMER])
    await published(small, 200)
    first = Hook(recorder, fails=1_000)
    async with consuming(small, recorder, first):
        async with asyncio.timeout(PATIENCE):
            while not first.calls:
                await asyncio.sleep(0.02)
    again = Hook(recorder)
    async with consuming(small, recorder, again):
        await recorder.has(1)
    assert again.calls == first.calls[:1]


async def test_a_new_consumer_missed_nothing_of_what_was_dropped_before_it_came(small):
    recorder = Recorder()
    await published(small, 200)
    hook = Hook(recorder)
    async with consuming(small, recorder, hook):
        await recorder.has(1)
    assert hook.calls == []


async def test_a_reported_gap_is_not_reported_again(small):
    recorder = Recorder()
    await small.ensure([], [CONSUMER])
    events = await published(small, 200)
    first, second = Hook(recorder), Hook(recorder)
    async with consuming(small, recorder, first):
        await recorder.until(lambda: recorder.ids[-1:] == [events[-1].id])
    async with consuming(small, recorder, second):
        (later,) = await published(small, 1)
        await recorder.until(lambda: later.id in recorder.ids)
    assert (len(first.calls), len(second.calls)) == (1, 0)


async def test_events_that_no_replica_was_handed_are_unread(small):
    consumer = quick("judging", "fp.billing.usage.>", batch=2)
    with pytest.raises(Unavailable):
        await small.unread(consumer)
    await small.ensure([USAGE], [consumer])
    assert await small.unread(consumer) == 0
    await published(small, 5)
    assert await small.unread(consumer) == 5
    handed, release = asyncio.Event(), asyncio.Event()

    async def hanging(_events):
        handed.set()
        await release.wait()

    async with running(small.consume(consumer, hanging)):
        async with asyncio.timeout(PATIENCE):
            await handed.wait()
            left = await small.unread(consumer)
            assert left < 5
            # What was handed over and not acknowledged lags, and is read all the same.
            assert await small.lag(consumer) == 5
            release.set()
            while await small.lag(consumer):
                await asyncio.sleep(0.01)
    assert await small.unread(consumer) == 0
