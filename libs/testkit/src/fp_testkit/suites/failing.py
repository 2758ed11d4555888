"""Events whose handler fails, on every bus."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from fp_events import Bus, EncodedEvent, Event, Matching, each, encoded
from fp_kernel import FailedPrecondition, InvalidArgument, Unavailable, new_id
from google.protobuf.any_pb2 import Any

from fp_testkit.patience import PATIENCE
from fp_testkit.suites.consuming import (
    ARCHIVED,
    REGISTERED,
    Recorder,
    consuming,
    dead,
    quick,
    raising,
    refusing,
    registered,
)


class FailureSuite:
    async def test_a_failed_event_is_tried_again_until_it_succeeds(self, bus: Bus) -> None:
        failures = iter([RuntimeError("bug"), Unavailable("away")])

        def fail(_events: Sequence[Event]) -> None:
            if error := next(failures, None):
                raise error

        recorder = Recorder(fail)
        await bus.publish([registered()])
        async with consuming(bus, quick("retrying"), recorder):
            await recorder.has(1)
        assert len(recorder.calls) == 3
        assert not await bus.dead_letters.list(Matching("retrying"))

    async def test_an_invalid_event_is_dead_at_once(self, bus: Bus) -> None:
        event = registered()
        recorder = Recorder(raising(InvalidArgument("no such stage", reason="BAD_STAGE")))
        await bus.publish([event])
        async with consuming(bus, quick("strict"), recorder):
            letters = await dead(bus, "strict")
        assert len(recorder.calls) == 1
        assert [(letter.event_id, letter.subject, letter.reason, letter.attempts) for letter in letters] == [
            (event.id, REGISTERED, "BAD_STAGE", 1)
        ]
        assert "no such stage" in letters[0].error

    async def test_an_event_is_dead_after_its_last_attempt(self, bus: Bus) -> None:
        event = registered()
        recorder = Recorder(raising(FailedPrecondition("not yet")))
        await bus.publish([event])
        async with consuming(bus, quick("patient", max_attempts=2), recorder):
            letters = await dead(bus, "patient")
        assert len(recorder.calls) == 2
        assert (letters[0].event_id, letters[0].attempts) == (event.id, 2)

    async def test_a_poisonous_event_does_not_hold_its_batch(self, bus: Bus) -> None:
        events = [registered(str(number)) for number in range(16)]
        poison = events[5].id
        recorder = Recorder(refusing(poison, InvalidArgument("poison")))
        await bus.publish(events)
        async with consuming(bus, quick("dividing"), recorder):
            letters = await dead(bus, "dividing")
            await recorder.has(15)
        assert [letter.event_id for letter in letters] == [poison]
        assert sorted(recorder.ids) == sorted(event.id for event in events if event.id != poison)

    async def test_a_batch_is_not_divided_while_a_dependency_is_away(self, bus: Bus) -> None:
        failures = iter([Unavailable("away")])

        def fail(_events: Sequence[Event]) -> None:
            if error := next(failures, None):
                raise error

        recorder = Recorder(fail)
        await bus.publish([registered(str(number)) for number in range(8)])
        async with consuming(bus, quick("whole"), recorder):
            await recorder.has(8)
        first = [event.id for event in recorder.calls[0]]
        again = [event.id for call in recorder.calls[1:] for event in call if event.id in first]
        assert len(again) == len(first)

    async def test_an_outage_longer_than_all_attempts_together_kills_nothing_and_takes_no_new_events(
        self, bus: Bus
    ) -> None:
        failures = iter([Unavailable("away")] * 5)

        def fail(_events: Sequence[Event]) -> None:
            if error := next(failures, None):
                raise error

        events = [registered(str(number)) for number in range(40)]
        recorder, consumer = Recorder(fail), quick("patient-outage", batch=4, max_attempts=2)
        await bus.publish(events)
        async with consuming(bus, consumer, recorder):
            await recorder.has(40)
        assert sorted(recorder.ids) == sorted(event.id for event in events)
        assert [len(call) for call in recorder.calls[1:5]] == [1, 1, 1, 1]
        tried = {event.id for call in recorder.calls[:6] for event in call}
        assert len(tried) <= 2 * consumer.batch
        assert not await bus.dead_letters.list(Matching(consumer.name))

    async def test_an_event_that_always_times_out_dies_alone(self, bus: Bus) -> None:
        events = [registered(str(number)) for number in range(6)]
        stuck, recorder = events[2].id, Recorder()

        async def handle(batch: Sequence[Event]) -> None:
            if stuck in [event.id for event in batch]:
                await asyncio.sleep(PATIENCE * 2)
            await recorder(batch)

        await bus.publish(events)
        async with consuming(bus, replace(quick("stuck", max_attempts=2), timeout=0.2), handle):
            await recorder.has(5)
            # Only the success of another shows that this one's time-out is its own.
            while not (letters := await bus.dead_letters.list(Matching("stuck"))):
                await bus.publish([registered("another")])
                await asyncio.sleep(0.05)
        assert [letter.event_id for letter in letters] == [stuck]

    async def test_a_payload_of_a_later_build_waits_for_it_and_stops_nobody(self, bus: Bus) -> None:
        later = replace(registered("later"), payload=Any(type_url="type.googleapis.com/forgepoint.events.v1.Later"))
        recorder, upgraded, consumer = Recorder(), Recorder(), quick("early-build", max_attempts=2)
        await bus.publish([later, known := registered("known")])
        async with consuming(bus, consumer, recorder):
            await recorder.has(1)
        assert recorder.ids == [known.id]
        async with consuming(bus, replace(consumer, takes_unknown=True), upgraded):
            assert await upgraded.has(1) == [later]
        assert not await bus.dead_letters.list(Matching(consumer.name))

    async def test_an_unreadable_message_is_dead_and_the_next_is_handled(self, bus: Bus) -> None:
        event, recorder = registered(), Recorder()
        garbage = EncodedEvent(new_id(), REGISTERED, b"\xff not an envelope", {"Nats-Msg-Id": new_id()})
        await bus.send([garbage])
        await bus.publish([event])
        async with consuming(bus, quick("reading"), recorder):
            await recorder.has(1)
            letters = await dead(bus, "reading")
        assert [letter.data for letter in letters] == [garbage.data]
        assert letters[0].reason == "NOT_AN_ENVELOPE"

    async def test_an_event_under_the_subject_of_another_type_is_handled_by_nobody(self, bus: Bus) -> None:
        recorder, own = Recorder(), registered("own")
        forged = replace(encoded(registered("forged", type=ARCHIVED)), subject=REGISTERED)
        await bus.send([forged])
        await bus.publish([own])
        async with consuming(bus, quick("trusting"), recorder):
            await recorder.has(1)
            letters = await dead(bus, "trusting")
        assert recorder.ids == [own.id]
        assert [letter.reason for letter in letters] == ["TYPE_IS_NOT_ITS_SUBJECT"]

    async def test_each_settles_every_event_by_its_own_outcome(self, bus: Bus) -> None:
        events = [registered(str(number)) for number in range(4)]
        recorder = Recorder(refusing(events[1].id, InvalidArgument("poison")))
        await bus.publish(events)
        async with consuming(bus, quick("single"), each(recorder.one)):
            letters = await dead(bus, "single")
            await recorder.has(3)
        assert all(len(call) == 1 for call in recorder.calls)
        assert recorder.ids == [events[0].id, events[2].id, events[3].id]
        assert [letter.event_id for letter in letters] == [events[1].id]

    async def test_a_handler_that_hangs_is_stopped_and_tried_again(self, bus: Bus) -> None:
        attempts = 0
        recorder = Recorder()

        async def hanging(events: Sequence[Event]) -> None:
            nonlocal attempts
            attempts += 1
            if attempts == 1:
                await asyncio.sleep(PATIENCE * 2)
            await recorder(events)

        await bus.publish([registered()])
        async with consuming(bus, replace(quick("hanging"), timeout=0.05), hanging):
            await recorder.has(1)
        assert attempts == 2
