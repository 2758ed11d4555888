"""What only the real server shows."""

import asyncio
from dataclasses import replace

import pytest
from fp_events import CONSUMERS, STREAMS, Broadcast, Consumer, EncodedEvent, Matching, connect, each
from fp_events.consumer.tail import tail
from fp_events.dead_letters.headers import replayed
from fp_events.streams import DLQ, MODELS, Retention
from fp_kernel import FailedPrecondition, InvalidArgument, ResourceExhausted, Unavailable, new_id
from fp_telemetry import Metrics
from fp_testkit.patience import PATIENCE
from fp_testkit.suites.consuming import (
    Recorder,
    consuming,
    dead,
    listening,
    quick,
    raising,
    registered,
    running,
)


async def test_init_creates_every_stream_and_durable_as_declared(nats_url, server):
    bus = await connect(nats_url, name="operator")
    for _ in range(2):
        await bus.ensure(STREAMS, CONSUMERS)
    for stream in STREAMS:
        config = (await server.stream_info(stream.name)).config
        assert tuple(config.subjects or ()) == (() if stream.copy_of else stream.subjects)
        assert [source.name for source in config.sources or ()] == [stream.copy_of] * bool(stream.copy_of)
        assert config.max_age == stream.max_age.total_seconds()
        assert (config.max_bytes, config.discard) == (stream.max_bytes, stream.discard.value)
        assert config.retention == stream.retention.value
    for consumer in CONSUMERS:
        for stream, subjects in consumer.streams.items():
            info = await server.consumer_info(stream.name, consumer.name)
            filters = info.config.filter_subjects or [info.config.filter_subject]
            assert tuple(filters) == subjects
            assert (info.config.max_deliver, info.config.max_ack_pending) == (-1, consumer.max_in_flight)
    await bus.close()


async def test_a_changed_declaration_reaches_the_server(bus, server):
    await bus.ensure([replace(MODELS, max_bytes=MODELS.max_bytes * 2)], [])
    assert (await server.stream_info("MODELS")).config.max_bytes == MODELS.max_bytes * 2
    await bus.ensure([], [quick("changing", "fp.models.registered")])
    await bus.ensure([], [quick("changing", "fp.models.registered", "fp.models.archived")])
    assert len((await server.consumer_info("MODELS", "changing")).config.filter_subjects) == 2


async def test_a_declaration_that_the_server_cannot_follow_is_refused(bus):
    with pytest.raises(FailedPrecondition):
        await bus.ensure([replace(MODELS, retention=Retention.INTEREST, name="MODELS2")], [])


async def test_a_full_stream_is_told_to_the_producer_and_keeps_what_it_has(bus, server):
    await server.delete_stream("MODELS")
    await bus.ensure([replace(MODELS, max_bytes=2_000)], [])
    events = [registered(str(number)) for number in range(20)]
    published = await bus.publish(events)
    assert published.acked
    assert all(isinstance(error, ResourceExhausted) for error in published.failed.values())
    state = (await server.stream_info("MODELS")).state
    assert (state.messages, state.first_seq) == (len(published.acked), 1)


async def test_a_message_that_is_too_large_fails_alone(bus):
    small = registered()
    large = EncodedEvent(new_id(), "fp.models.registered", b"x" * 9_000_000, {})
    published = await bus.send([large, EncodedEvent(small.id, small.type, b"", {})])
    assert published.acked == {small.id}
    assert isinstance(published.failed[large.id], InvalidArgument)


async def test_a_durable_that_was_deleted_is_made_again(bus, server):
    recorder = Recorder()
    first, second = registered("first"), registered("second")
    async with consuming(bus, quick("deleted"), recorder):
        await bus.publish([first])
        await recorder.has(1)
        await server.delete_consumer("MODELS", "deleted")
        await bus.publish([second])
        await recorder.until(lambda: second.id in recorder.ids)


async def test_a_listener_that_was_forgotten_misses_nothing(bus, server):
    recorder = Recorder()
    first, second = registered("first"), registered("second")
    async with listening(bus, Broadcast("forgotten", ("fp.models.>",)), recorder):
        await bus.publish([first])
        await recorder.has(1)
        for consumer in await server.consumers_info("MODELS"):
            await server.delete_consumer("MODELS", consumer.name)
        await bus.publish([second])
        await recorder.has(2)
    assert recorder.ids == [first.id, second.id]


async def test_a_listener_leaves_nothing_on_the_server(bus, server):
    async with listening(bus, Broadcast("gone", ("fp.models.>",)), Recorder()):
        assert len(await server.consumers_info("MODELS")) == 1
    assert not await server.consumers_info("MODELS")


async def test_a_slow_handler_keeps_its_events_beyond_the_ack_wait(bus):
    consumer = Consumer("slow", ("fp.models.>",), batch=1, ack_wait=3.0)
    recorder = Recorder()

    async def slow(events):
        # Longer than the ack-wait, which leaves a busy machine two seconds to renew it.
        await asyncio.sleep(4.0)
        await recorder(events)

    await bus.ensure((), [consumer])
    await bus.publish([registered("a"), registered("b")])
    async with consuming(bus, consumer, slow), consuming(bus, consumer, slow):
        async with asyncio.timeout(PATIENCE):
            while await bus.lag(consumer):
                await asyncio.sleep(0.01)
    assert len(recorder.calls) == 2


async def test_a_silent_replica_loses_its_events_to_another(bus, nats_url):
    consumer = Consumer("silent", ("fp.models.>",), ack_wait=0.3)
    gone, recorder = await connect(nats_url, name="gone"), Recorder()
    started, release = asyncio.Event(), asyncio.Event()

    async def hanging(events):
        started.set()
        await release.wait()

    async with running(gone.consume(consumer, hanging)):
        await bus.publish([registered()])
        await started.wait()
        # What a crash looks like from the server: the line is dead, nothing was said.
        await gone.close()
        async with consuming(bus, consumer, recorder):
            await recorder.has(1)
        release.set()


async def test_a_dead_letter_that_cannot_be_kept_stays_an_event(bus, server, monkeypatch):
    await server.delete_stream("DLQ")
    monkeypatch.setenv("FP_STREAM_DLQ_MAX_BYTES", "1")
    event = registered()
    recorder = Recorder(raising(InvalidArgument("bad")))
    async with consuming(bus, quick("strict"), recorder):
        await bus.publish([event])
        await recorder.until(lambda: len(recorder.calls) >= 3)
        assert not await bus.dead_letters.list()
        monkeypatch.delenv("FP_STREAM_DLQ_MAX_BYTES")
        await bus.ensure([DLQ], [])
        (letter,) = await dead(bus, "strict")
    assert letter.event_id == event.id


async def test_the_dead_letter_of_a_message_is_one_however_often_it_is_buried(bus, server):
    consumer, event = quick("strict"), registered()
    await bus.publish([event])
    for _ in range(2):
        strict = Recorder(raising(InvalidArgument("bad")))
        async with consuming(bus, consumer, strict):
            await strict.until(lambda calls=strict.calls: bool(calls))
            await dead(bus, "strict")
        # As after a death between the dead letter and its ack.
        await server.delete_consumer("MODELS", "strict")
    assert len(await bus.dead_letters.list(Matching("strict"))) == 1


async def test_a_letter_is_given_out_once_long_after_the_server_forgot_its_message_id(bus, server):
    await bus.publish([registered()])
    async with consuming(bus, quick("strict"), Recorder(raising(InvalidArgument("bad")))):
        (letter,) = await dead(bus, "strict")
    message = replayed(letter)
    await bus.send([replace(message, headers={**message.headers, "Nats-Msg-Id": new_id()})])
    await bus.dead_letters.replay(letter.number)
    assert not await bus.dead_letters.list()
    assert (await server.stream_info("DLQ")).state.messages == 1


async def test_a_dead_letter_shows_what_an_operator_needs(bus, server):
    event = registered()
    async with consuming(bus, quick("strict"), Recorder(raising(InvalidArgument("no such stage")))):
        await bus.publish([event])
        (letter,) = await dead(bus, "strict")
    message = await server.get_msg("DLQ", letter.number)
    assert message.subject == "fp.dlq.strict.fp.models.registered"
    assert message.headers["fp-dead-reason"] == "INVALID_ARGUMENT"
    assert message.headers["fp-dead-error"] == "no such stage"
    assert (message.headers["fp-dead-attempts"], message.headers["fp-dead-consumer"]) == ("1", "strict")
    assert message.headers["ce-id"] == event.id


async def test_a_tail_shows_what_passes_and_takes_it_from_nobody(bus):
    recorder, event, key = Recorder(), registered(), registered(type="fp.auth.user.created")
    await bus.publish([registered("past")])
    async with consuming(bus, quick("worker"), recorder), tail(bus) as passing:
        await bus.publish([event])
        await bus.send([EncodedEvent(new_id(), "fp.models.registered", b"\xff", {})])
        first, second = await anext(passing), await anext(passing)
        await bus.publish([key])
        third = await anext(passing)
        await recorder.until(lambda: event.id in recorder.ids)
    assert (first.subject, first.event) == (event.type, replace(event, source="registry"))
    assert {(passed.event.id if passed.event else None) for passed in (second, third)} <= {None, key.id}


async def test_a_tail_of_nothing_that_is_kept_is_refused(bus):
    for pattern in ("strays.>", "fp..x"):
        with pytest.raises(ValueError, match=r"pattern|stream"):
            async with tail(bus, pattern):
                pass


async def test_the_lag_of_a_consumer_is_measured(nats_url):
    metrics = Metrics("test")
    bus = await connect(nats_url, name="test", metrics=metrics)
    await bus.ensure(STREAMS, [quick("lagging")])
    await bus.publish([registered(str(number)) for number in range(3)])
    assert await bus.lag(quick("lagging")) == 3
    started, release = asyncio.Event(), asyncio.Event()

    async def hanging(_event):
        started.set()
        await release.wait()

    async with running(bus.consume(quick("lagging"), each(hanging))):
        async with asyncio.timeout(PATIENCE):
            await started.wait()
        line = 'fp_test_events_lag{consumer="lagging",stream="MODELS"} 3.0'
        async with asyncio.timeout(PATIENCE):
            while line not in metrics.render()[0].decode():
                await asyncio.sleep(0.01)
        text = metrics.render()[0].decode()
        assert 'fp_test_events_published_total{outcome="acked"} 3.0' in text
        release.set()
    await bus.close()


async def test_publishing_many_more_than_the_window_keeps_their_order(bus, server):
    events = [registered(str(number)) for number in range(3_000)]
    published = await bus.publish(events)
    assert len(published.acked) == 3_000
    recorder = Recorder()
    async with consuming(bus, quick("order"), recorder):
        await recorder.has(3_000)
    assert recorder.ids == [event.id for event in events]


async def test_two_publishers_of_one_bus_do_not_take_each_other_s_acks(bus):
    one, other = ([registered(str(number)) for number in range(700)] for _ in range(2))
    async with asyncio.TaskGroup() as group:
        first, second = (group.create_task(bus.publish(events)) for events in (one, other))
    assert first.result().acked == {event.id for event in one}
    assert second.result().acked == {event.id for event in other}


async def test_publishing_that_is_cancelled_leaves_room_for_the_next(bus):
    for _ in range(3):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(bus.publish([registered(str(number)) for number in range(1_500)]))
            await asyncio.sleep(0)
            task.cancel()
    events = [registered(str(number)) for number in range(1_500)]
    assert len((await bus.publish(events)).acked) == 1_500


async def test_a_stream_that_is_missing_is_unavailable(nats_url):
    bus = await connect(nats_url, name="test")
    event = registered()
    published = await bus.publish([event])
    assert isinstance(published.failed[event.id], Unavailable)
    await bus.close()


async def test_a_batch_that_lingers_takes_what_comes_after_its_first_event(bus):
    recorder = Recorder()
    async with consuming(bus, replace(quick("lingering", batch=3), linger=PATIENCE), recorder):
        for number in range(3):
            await bus.publish([registered(str(number))])
        await recorder.has(3)
    assert [len(call) for call in recorder.calls] == [3]


async def test_a_batch_that_lingered_goes_without_what_did_not_come(bus):
    recorder = Recorder()
    async with consuming(bus, replace(quick("lingering", batch=3), linger=0.05), recorder):
        await bus.publish([registered()])
        await recorder.has(1)
    assert [len(call) for call in recorder.calls] == [1]
