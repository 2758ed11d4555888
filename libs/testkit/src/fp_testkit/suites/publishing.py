"""Publishing, as every bus promises it."""

from dataclasses import replace

from fp_events import STREAMS, Bus, Published
from fp_kernel import Unavailable

from fp_testkit.suites.consuming import (
    Recorder,
    consuming,
    quick,
    registered,
)


class PublishingSuite:
    """Needs a fixture `bus` with every declared stream and no message."""

    async def test_an_event_arrives_as_it_was_published(self, bus: Bus) -> None:
        event = replace(
            registered(sequence=7),
            actor="user-1",
            source="registry",
            correlation_id="c-1",
            trace={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        )
        recorder = Recorder()
        await bus.publish([event])
        async with consuming(bus, quick("whole"), recorder):
            assert await recorder.has(1) == [event]

    async def test_every_event_is_acked_by_its_id(self, bus: Bus) -> None:
        events = [registered(str(number)) for number in range(300)]
        assert await bus.publish(events) == Published(frozenset(event.id for event in events), {})

    async def test_publishing_an_event_again_is_acked_and_keeps_one(self, bus: Bus) -> None:
        event, last = registered("once"), registered("last")
        for _ in range(2):
            assert (await bus.publish([event])).acked == {event.id}
        await bus.publish([last])
        recorder = Recorder()
        async with consuming(bus, quick("once"), recorder):
            await recorder.until(lambda: last.id in recorder.ids)
        assert recorder.ids == [event.id, last.id]

    async def test_an_event_that_no_stream_keeps_fails_alone(self, bus: Bus) -> None:
        stray, stored = registered("stray", type="fp.strays.seen"), registered("kept")
        published = await bus.publish([stray, stored])
        assert published.acked == {stored.id}
        assert isinstance(published.failed[stray.id], Unavailable)

    async def test_publishing_nothing_is_done_at_once(self, bus: Bus) -> None:
        assert await bus.publish([]) == Published(frozenset(), {})

    async def test_declaring_twice_changes_nothing(self, bus: Bus) -> None:
        await bus.publish([registered()])
        for _ in range(2):
            await bus.ensure(STREAMS, [quick("twice")])
        recorder = Recorder()
        async with consuming(bus, quick("twice"), recorder):
            await recorder.has(1)
