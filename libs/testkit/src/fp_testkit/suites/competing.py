"""Competing consumers, as every bus promises them."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from fp_events import Bus, Event

from fp_testkit.patience import PATIENCE
from fp_testkit.suites.consuming import (
    ARCHIVED,
    COMPLETED,
    REGISTERED,
    Recorder,
    consuming,
    quick,
    registered,
    running,
)


class CompetingSuite:
    async def test_an_event_is_handled_by_one_of_those_who_share_a_name(self, bus: Bus) -> None:
        both = Recorder()
        events = [registered(str(number)) for number in range(60)]
        consumer = quick("shared", batch=5)
        async with consuming(bus, consumer, both), consuming(bus, consumer, both):
            await bus.publish(events)
            await both.has(60)
        assert sorted(both.ids) == sorted(event.id for event in events)

    async def test_every_name_gets_every_event(self, bus: Bus) -> None:
        one, other = Recorder(), Recorder()
        event = registered()
        async with consuming(bus, quick("one"), one), consuming(bus, quick("other"), other):
            await bus.publish([event])
            assert await one.has(1) == await other.has(1)

    async def test_only_the_declared_subjects_arrive(self, bus: Bus) -> None:
        recorder = Recorder()
        wanted = registered("wanted", type=ARCHIVED)
        await bus.publish([registered("unwanted"), wanted])
        async with consuming(bus, quick("picky", ARCHIVED), recorder):
            await recorder.has(1)
        assert recorder.ids == [wanted.id]

    async def test_events_of_one_stream_arrive_in_order_and_in_bounded_batches(self, bus: Bus) -> None:
        recorder = Recorder()
        events = [registered(str(number)) for number in range(25)]
        await bus.publish(events)
        async with consuming(bus, quick("ordered", batch=10), recorder):
            await recorder.has(25)
        assert recorder.ids == [event.id for event in events]
        assert max(map(len, recorder.calls)) <= 10

    async def test_what_was_handled_does_not_come_again(self, bus: Bus) -> None:
        first, second = Recorder(), Recorder()
        await bus.publish([registered("early")])
        async with consuming(bus, quick("again"), first):
            await first.has(1)
        late = registered("late")
        await bus.publish([late])
        async with consuming(bus, quick("again"), second):
            await second.has(1)
        assert second.ids == [late.id]

    async def test_a_new_durable_gets_what_is_kept(self, bus: Bus) -> None:
        recorder = Recorder()
        uncounted, wanted = registered(), registered(type=COMPLETED)
        await bus.publish([uncounted])
        late = replace(quick("late", REGISTERED, COMPLETED), holds=True)
        await bus.ensure((), [late])
        await bus.publish([wanted])
        async with consuming(bus, late, recorder):
            await recorder.has(2)
        assert sorted(recorder.ids) == sorted([uncounted.id, wanted.id])

    async def test_whoever_does_not_hold_predictions_reads_their_copy_from_its_beginning(self, bus: Bus) -> None:
        early, later, holding = Recorder(), Recorder(), Recorder()
        events = [registered(str(number), type=COMPLETED) for number in range(3)]
        holder = replace(quick("holder", COMPLETED), holds=True)
        await bus.ensure((), [holder])
        await bus.publish(events)
        async with consuming(bus, holder, holding), consuming(bus, quick("early", COMPLETED), early):
            assert await holding.has(3) == await early.has(3) == events
        async with consuming(bus, quick("later", COMPLETED), later):
            assert await later.has(3) == events

    async def test_a_cancelled_consumer_finishes_the_handler_at_work(self, bus: Bus) -> None:
        started, release, finished = asyncio.Event(), asyncio.Event(), Recorder()

        async def slow(events: Sequence[Event]) -> None:
            started.set()
            await release.wait()
            await finished(events)

        event = registered()
        await bus.publish([event])
        async with running(bus.consume(quick("graceful"), slow)):
            async with asyncio.timeout(PATIENCE):
                await started.wait()
            asyncio.get_running_loop().call_later(0.05, release.set)
        assert finished.ids == [event.id]
        await self._nothing_left(bus, "graceful")

    async def test_a_cancelled_consumer_gives_back_what_it_has_not_handled(self, bus: Bus) -> None:
        started = asyncio.Event()

        async def stuck(_events: Sequence[Event]) -> None:
            started.set()
            await asyncio.sleep(0.05)

        events = [registered(str(number)) for number in range(6)]
        await bus.publish(events)
        async with running(bus.consume(quick("giving", batch=1), stuck)):
            async with asyncio.timeout(PATIENCE):
                await started.wait()
        recorder = Recorder()
        async with consuming(bus, quick("giving"), recorder):
            await recorder.has(5)

    async def _nothing_left(self, bus: Bus, consumer: str) -> None:
        recorder, marker = Recorder(), registered("marker")
        await bus.publish([marker])
        async with consuming(bus, quick(consumer), recorder):
            await recorder.has(1)
        assert recorder.ids == [marker.id]
