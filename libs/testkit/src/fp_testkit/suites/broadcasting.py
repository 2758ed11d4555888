"""Broadcasts, as every bus promises them."""

from dataclasses import replace

from fp_events import Broadcast, Bus, EncodedEvent, encoded
from fp_kernel import new_id
from google.protobuf.any_pb2 import Any

from fp_testkit.suites.consuming import (
    ARCHIVED,
    REGISTERED,
    Recorder,
    listening,
    refusing,
    registered,
)


class BroadcastSuite:
    async def test_every_process_sees_every_event_in_order(self, bus: Bus) -> None:
        one, other = Recorder(), Recorder()
        broadcast = Broadcast("routes", ("fp.models.>",))
        events = [registered(str(number)) for number in range(50)]
        async with listening(bus, broadcast, one), listening(bus, broadcast, other):
            await bus.publish(events)
            await one.has(50)
            await other.has(50)
        assert one.ids == other.ids == [event.id for event in events]

    async def test_a_new_listener_hears_nothing_of_the_past(self, bus: Bus) -> None:
        recorder, now = Recorder(), registered("now")
        await bus.publish([registered("past")])
        async with listening(bus, Broadcast("news", ("fp.models.>",)), recorder):
            await bus.publish([now])
            await recorder.has(1)
        assert recorder.ids == [now.id]

    async def test_a_listener_to_all_knows_the_past_when_it_has_caught_up(self, bus: Bus) -> None:
        recorder = Recorder()
        past = [registered(str(number)) for number in range(20)]
        await bus.publish(past)
        async with listening(bus, Broadcast("history", ("fp.models.>",), deliver="all"), recorder):
            assert recorder.ids == [event.id for event in past]

    async def test_a_listener_to_the_last_knows_one_event_of_each_subject(self, bus: Bus) -> None:
        recorder = Recorder()
        old, new = registered("old"), registered("new")
        gone = registered("gone", type=ARCHIVED)
        await bus.publish([old, gone, new])
        async with listening(bus, Broadcast("last", ("fp.models.>",), deliver="last_per_subject"), recorder):
            assert recorder.ids == [gone.id, new.id]

    async def test_an_event_that_is_refused_again_and_again_does_not_stop_the_next(self, bus: Bus) -> None:
        bad, good = registered("bad"), registered("good")
        recorder = Recorder(refusing(bad.id, RuntimeError("bug")))
        async with listening(bus, Broadcast("sturdy", ("fp.models.>",)), recorder):
            await bus.publish([bad, good])
            await recorder.has(1)
        assert recorder.ids == [good.id]
        assert len(recorder.calls) == 4

    async def test_an_unreadable_message_does_not_stop_the_next(self, bus: Bus) -> None:
        recorder, good = Recorder(), registered()
        async with listening(bus, Broadcast("reader", ("fp.models.>",)), recorder):
            await bus.send([EncodedEvent(new_id(), REGISTERED, b"\xff", {})])
            await bus.publish([replace(registered(), payload=Any(type_url="x/forgepoint.events.v1.Later")), good])
            await recorder.has(1)
        assert recorder.ids == [good.id]

    async def test_an_event_under_the_subject_of_another_type_is_heard_by_nobody(self, bus: Bus) -> None:
        recorder, own = Recorder(), registered("own")
        async with listening(bus, Broadcast("trusting", ("fp.models.>",)), recorder):
            await bus.send([replace(encoded(registered("forged", type=ARCHIVED)), subject=REGISTERED)])
            await bus.publish([own])
            await recorder.has(1)
        assert recorder.ids == [own.id]

    async def test_subjects_of_several_streams_reach_one_listener(self, bus: Bus) -> None:
        recorder = Recorder()
        model, key = registered(), registered("key", type="fp.auth.user.created")
        async with listening(bus, Broadcast("wide", (REGISTERED, "fp.auth.>")), recorder):
            await bus.publish([model, key])
            await recorder.has(2)
        assert sorted(recorder.ids) == sorted([model.id, key.id])
