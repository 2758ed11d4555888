"""Streams on the real server: their copies, their limits, and the declarations of earlier builds."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from fp_events import AuditPublisher, Stream, connect, durable
from fp_events.streams import AUDIT, DLQ, INFERENCE, MODELS, PREDICTIONS, STREAMS, USAGE, Discard
from fp_events.streams import BILLING as QUOTAS
from fp_kernel import ResourceExhausted, new_id
from fp_kernel.audit import AuditRecord
from fp_telemetry import Metrics
from fp_testkit.patience import PATIENCE
from fp_testkit.suites.consuming import COMPLETED, Recorder, consuming, quick, registered

BILLING = durable("billing")
MONITOR_TRAFFIC = durable("monitor-traffic")

USED, EXCEEDED = "fp.billing.usage.recorded", "fp.billing.quota.exceeded"
OLD_BILLING = Stream("BILLING", ("fp.billing.>",), timedelta(days=90), max_bytes=1 << 20)


@pytest_asyncio.fixture
async def empty(nats_url, server):
    """A bus without a stream. `server` is asked for so that the connection ends before it."""
    connected = await connect(nats_url, name="test")
    for stream in await server.streams_info():
        await server.delete_stream(stream.config.name)
    yield connected
    await connected.close()


@pytest.fixture
def limits(monkeypatch):
    def limit(stream, *, size):
        monkeypatch.setenv(f"FP_STREAM_{stream.name}_MAX_BYTES", str(size))

    return limit


async def messages(server, stream):
    return (await server.stream_info(stream.name)).state.messages


async def settled(server, stream, count):
    """Wait until the stream has so many messages. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE):
        while await messages(server, stream) != count:
            await asyncio.sleep(0.02)


async def test_an_operator_sees_how_full_streams_are_against_the_limits_that_they_have_there(empty, limits):
    limits(MODELS, size=1 << 20)
    await empty.ensure((MODELS,), ())
    (before,) = await empty.fill((MODELS, USAGE))
    await empty.publish([registered(str(number)) for number in range(100)])
    (after,) = await empty.fill((MODELS, USAGE))
    assert (before.stream, before.held, before.most) == (MODELS, 0, 1 << 20)
    assert 0 < after.share < 1, "what is not there is left out"


async def test_a_prediction_is_kept_for_statistics_and_let_go_by_billing(bus, server):
    await bus.ensure((), [BILLING])
    events = [registered(str(number), type=COMPLETED) for number in range(20)]
    await bus.publish(events)
    await settled(server, PREDICTIONS, 20)
    assert await messages(server, INFERENCE) == 20
    billed, counted = Recorder(), Recorder()
    async with consuming(bus, BILLING, billed):
        await billed.has(20)
        await settled(server, INFERENCE, 0)
    async with consuming(bus, MONITOR_TRAFFIC, counted):
        await counted.has(20)
    assert sorted(counted.ids) == sorted(billed.ids) == sorted(event.id for event in events)


async def test_a_prediction_that_nobody_holds_is_gone_once_it_is_copied(bus, server):
    missed, wanted, recorder = registered(type=COMPLETED), registered(type=COMPLETED), Recorder()
    await bus.publish([missed])
    await settled(server, PREDICTIONS, 1)
    await settled(server, INFERENCE, 0)
    await bus.ensure((), [BILLING])
    await bus.publish([wanted])
    async with consuming(bus, BILLING, recorder):
        await recorder.has(1)
    assert recorder.ids == [wanted.id]


async def test_a_prediction_is_copied_though_billing_was_quicker_than_the_copy(empty, server):
    """The copy is made late here: whatever billing acknowledged before must have waited for it."""
    await empty.ensure([INFERENCE, DLQ], [BILLING])
    await server.delete_stream(PREDICTIONS.name)
    billed = Recorder()
    async with consuming(empty, BILLING, billed):
        await empty.publish([registered(str(number), type=COMPLETED) for number in range(20)])
        await billed.has(20)
        await empty.ensure([PREDICTIONS], [])
        await settled(server, PREDICTIONS, 20)
        await settled(server, INFERENCE, 0)


async def test_statistics_that_stand_still_stop_nobody_and_are_told_what_they_missed(empty, nats_url, limits, server):
    limits(PREDICTIONS, size=20_000)
    metrics = Metrics("monitor")
    watched = await connect(nats_url, name="monitor", metrics=metrics)
    await watched.ensure([INFERENCE, DLQ], [BILLING, MONITOR_TRAFFIC])
    events = [registered(str(number), type=COMPLETED) for number in range(200)]
    billed, counted = Recorder(), Recorder()
    async with consuming(empty, BILLING, billed):
        assert not (await empty.publish(events)).failed
        await billed.has(200)
        await settled(server, INFERENCE, 0)
    async with asyncio.timeout(PATIENCE):
        while (await server.stream_info(PREDICTIONS.name)).state.last_seq < 200:
            await asyncio.sleep(0.02)
    left = await messages(server, PREDICTIONS)
    async with consuming(watched, MONITOR_TRAFFIC, counted):
        await counted.has(left)
    assert 0 < left < 200
    assert counted.ids == [event.id for event in events[-left:]]
    line = f'fp_monitor_events_missed_total{{consumer="monitor-traffic",stream="PREDICTIONS"}} {200 - left}.0'
    assert line in metrics.render()[0].decode()
    await watched.close()


async def test_a_lost_origin_is_copied_again_from_its_new_beginning(bus, server):
    await bus.publish([registered(str(number), type=COMPLETED) for number in range(5)])
    await settled(server, PREDICTIONS, 5)
    await server.delete_stream(INFERENCE.name)
    await bus.ensure([INFERENCE], [])
    await bus.publish([registered(f"new {number}", type=COMPLETED) for number in range(2)])
    await settled(server, PREDICTIONS, 7)


async def test_usage_gets_a_stream_of_its_own_where_billing_had_all(empty, server):
    await _old_billing(server)
    before = [registered(str(number), type=USED) for number in range(30)]
    await empty.publish([*before, registered("quota", type=EXCEEDED)])
    bytes_before = (await server.stream_info("BILLING")).state.bytes
    await empty.ensure([USAGE], [])
    info = await server.stream_info("BILLING")
    assert tuple(info.config.subjects) == QUOTAS.subjects
    assert info.state.messages == 31
    assert info.config.max_bytes == QUOTAS.max_bytes + bytes_before
    assert len((await empty.publish([registered("later", type=USED), registered("again", type=EXCEEDED)])).acked) == 2
    assert (await messages(server, USAGE), await messages(server, QUOTAS)) == (1, 32)


async def test_billing_is_narrowed_as_well_when_it_comes_first(empty, server):
    await _old_billing(server)
    await empty.ensure([QUOTAS], [])
    await empty.ensure([USAGE], [])
    assert tuple((await server.stream_info("BILLING")).config.subjects) == QUOTAS.subjects
    assert tuple((await server.stream_info("USAGE")).config.subjects) == USAGE.subjects


async def test_durables_of_statistics_on_the_predictions_themselves_are_deleted(empty, server):
    """One that nobody reads any more would hold every prediction for 72 hours, until no more are taken."""
    await server.add_stream(name="INFERENCE", subjects=["fp.inference.>"], retention="interest", discard="new")
    for name in ("monitor-traffic", "pipeline-canary", "billing"):
        await server.add_consumer("INFERENCE", durable_name=name, ack_policy="explicit")
    waiting = registered(type=COMPLETED)
    await empty.publish([waiting])
    await empty.ensure(STREAMS, [BILLING, MONITOR_TRAFFIC])
    assert {each.name for each in await server.consumers_info("INFERENCE")} == {"billing", "copy-predictions"}
    counted = Recorder()
    async with consuming(empty, MONITOR_TRAFFIC, counted):
        await counted.has(1)
    assert counted.ids == [waiting.id]


async def test_a_limit_never_shrinks_and_what_an_operator_added_stays(empty, server):
    await empty.ensure([MODELS], [])
    config = (await server.stream_info("MODELS")).config
    larger = replace(MODELS, max_bytes=MODELS.max_bytes * 4, max_age=MODELS.max_age * 2)
    await server.update_stream(
        config.evolve(
            max_bytes=larger.max_bytes,
            max_age=larger.max_age.total_seconds(),
            subjects=[*MODELS.subjects, "strays.>"],
        )
    )
    await empty.ensure([MODELS], [])
    present = (await server.stream_info("MODELS")).config
    assert (present.max_bytes, present.max_age) == (larger.max_bytes, larger.max_age.total_seconds())
    assert present.subjects == [*MODELS.subjects, "strays.>"]


async def test_a_limit_of_the_installation_reaches_the_server(empty, limits, server):
    limits(MODELS, size=MODELS.max_bytes * 2)
    await empty.ensure([MODELS], [])
    assert (await server.stream_info("MODELS")).config.max_bytes == MODELS.max_bytes * 2


async def test_a_limit_that_is_no_number_ends_the_start(nats_url, limits):
    limits(MODELS, size="1 GiB")
    with pytest.raises(ValueError, match="FP_STREAM_MODELS_MAX_BYTES"):
        await connect(nats_url, name="test")


async def test_a_durable_is_made_with_the_stream_of_its_replays(empty, server):
    """Inference makes billing's durable before it feeds its spool, and no other service may have started yet."""
    await empty.ensure([INFERENCE], [BILLING])
    assert {each.name for each in await server.consumers_info("DLQ")} == {"billing"}


async def test_ensuring_again_changes_nothing(bus, server):
    """An update a start would make every replica's start a change of every stream."""
    created = {info.config.name: info.config for info in await server.streams_info()}
    await bus.ensure(STREAMS, [])
    assert {info.config.name: info.config for info in await server.streams_info()} == created


@pytest.mark.parametrize("filled", [stream for stream in STREAMS if not stream.copy_of], ids=lambda stream: stream.name)
async def test_a_full_stream_stops_nothing_but_itself(empty, limits, filled):
    limits(filled, size=3_000)
    # Interest keeps what somebody wants.
    await empty.ensure(STREAMS, [replace(quick("holding", "fp.inference.>"), holds=True)])
    full = [registered(str(number), type=_subject(filled)) for number in range(40)]
    refused = (await empty.publish(full)).failed
    assert bool(refused) is (filled.discard is Discard.NEW)
    others = [registered(type=_subject(other)) for other in STREAMS if other not in (filled, PREDICTIONS)]
    assert not (await empty.publish(others)).failed


def _subject(stream):
    return stream.subjects[0].replace(">", "filled.once")


async def _old_billing(server):
    await server.add_stream(
        name=OLD_BILLING.name,
        subjects=list(OLD_BILLING.subjects),
        max_bytes=OLD_BILLING.max_bytes,
        max_age=OLD_BILLING.max_age.total_seconds(),
        discard="new",
    )


async def test_a_service_that_fills_its_subject_of_the_audit_stream_leaves_room_for_the_others(empty, server):
    """Whatever it sends, its messages are bounded in size and number: by their product less than the stream holds."""
    await empty.ensure([replace(AUDIT, subject_messages=3)], [])
    bad, good = (f"fp.audit.filled.{noun}" for noun in ("billing", "registry"))
    refused = (await empty.publish([registered(str(number), type=bad) for number in range(5)])).failed
    assert len(refused) == 2
    assert {type(error) for error in refused.values()} == {ResourceExhausted}
    assert not (await empty.publish([registered(str(number), type=good) for number in range(3)])).failed
    assert (await server.stream_info("AUDIT")).config.max_msg_size == AUDIT.message_bytes
    assert AUDIT.subject_messages * AUDIT.message_bytes < 0.8 * AUDIT.max_bytes


async def test_the_longest_audit_record_is_taken(empty):
    await empty.ensure([AUDIT], [])
    ids = {name: new_id() for name in ("actor_id", "actor_role", "api_key_id", "team", "correlation_id")}
    longest = AuditRecord(method="/" + "x" * 200, status="PERMISSION_DENIED", resource_id="\U0001f9ea" * 200, **ids)
    await AuditPublisher(empty).record([longest])


async def test_a_full_audit_stream_tells_its_producer_and_leaves_the_rest_of_the_bus_alone(empty, limits):
    """The trail of calls then writes its records to the log and counts them; no call waits for it."""
    limits(AUDIT, size=2_000)
    await empty.ensure(STREAMS, [])
    with pytest.raises(ResourceExhausted):
        await AuditPublisher(empty).record([AuditRecord(method="/x/Y", status="OK") for _ in range(20)])
    assert not (await empty.publish([registered()])).failed
