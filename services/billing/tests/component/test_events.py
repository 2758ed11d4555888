"""What the bus brings."""

import asyncio
from datetime import UTC, timedelta

from forgepoint.billing.v1 import billing_pb2 as pb
from forgepoint.events.v1 import events_pb2
from fp_events import Event
from fp_kernel import new_id
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import MOMENT, StandingClock


async def test_tokens_are_metered_beside_the_request(ann, bus, prediction):
    await bus.publish([prediction("r1", tokens=700)])
    await ann.used_up_to(700, pb.METER_TYPE_INFERENCE_TOKENS)
    assert await ann.used() == 1


async def test_a_batch_of_predictions_is_metered_by_its_rows_and_its_tokens(ann, bus, batch):
    await bus.publish([batch(("r1", 1, 0), ("r2", 1_000, 0), ("r3", 0, 70))])
    await ann.used_up_to(70, pb.METER_TYPE_INFERENCE_TOKENS)
    assert await ann.used() == 1_002


async def test_a_prediction_that_comes_alone_and_in_two_batches_is_metered_once(ann, bus, batch, prediction):
    await bus.publish([batch(("r1", 5, 0), ("r2", 1, 0)), prediction("r1"), batch(("r1", 5, 0), ("r3", 1, 0))])
    await ann.used_up_to(7)
    await bus.publish([prediction("last")])
    await ann.used_up_to(8)
    assert await ann.used() == 8


async def test_failed_predictions_of_a_batch_cost_nothing(ann, bus, batch, prediction):
    event = batch(("r1", 1, 0))
    event.payload.failed.add(request_id="r2", model_id="m-1", version="3", rows=9)
    await bus.publish([event, prediction("last")])
    await ann.used_up_to(2)
    assert await ann.used() == 2


async def test_seconds_of_jobs_are_metered_whether_their_step_went_well_or_not(ann, bus):
    execution = new_id()
    done = events_pb2.StepCompleted(execution_id=execution, step_id="train")
    done.compute.FromTimedelta(timedelta(seconds=41, milliseconds=1))
    failed = events_pb2.StepFailed(execution_id=execution, step_id="evaluate")
    failed.compute.FromTimedelta(timedelta(seconds=5))
    # A day of waiting for traffic runs no job.
    canary = events_pb2.StepCompleted(execution_id=execution, step_id="canary")
    for payload, kind in ((canary, "completed"), (done, "completed"), (done, "completed"), (failed, "failed")):
        event = Event(
            f"fp.pipelines.step.{kind}", payload, team="alpha", resource_id="e", summary="s", source="pipeline"
        )
        await bus.publish([event])
    await ann.used_up_to(47, pb.METER_TYPE_COMPUTE_SECONDS)
    assert await ann.used(pb.METER_TYPE_COMPUTE_SECONDS) == 47


async def test_storage_is_metered_month_by_month_until_the_model_is_archived_and_once_it_is_back(start, bus):
    clock = StandingClock()
    ann = (await start(clock)).operator()
    version = events_pb2.ModelVersionReady(model_id="m", version_id=new_id(), version="1", size_bytes=20 * 2**30)
    version.ready_at.FromDatetime(clock.now())
    await bus.publish([about_models("version.ready", version)])
    await ann.used_up_to(20 * 2**30, pb.METER_TYPE_STORAGE_BYTES)
    clock.set_wall(clock.now() + timedelta(days=31))
    await ann.used_up_to(20 * 2**30, pb.METER_TYPE_STORAGE_BYTES)
    archived = events_pb2.ModelArchived(model_id="m")
    archived.archived_at.FromDatetime(clock.now())
    after = events_pb2.ModelVersionReady(model_id="n", version_id=new_id(), version="1", size_bytes=1)
    after.ready_at.FromDatetime(clock.now())
    await bus.publish([about_models("archived", archived), about_models("version.ready", after)])
    await ann.used_up_to(20 * 2**30 + 1, pb.METER_TYPE_STORAGE_BYTES)
    clock.set_wall(clock.now() + timedelta(days=31))
    await ann.used_up_to(1, pb.METER_TYPE_STORAGE_BYTES)
    assert await ann.used(pb.METER_TYPE_STORAGE_BYTES) == 1
    restored = events_pb2.ModelRestored(model_id="m")
    restored.restored_at.FromDatetime(clock.now())
    await bus.publish([about_models("restored", restored)])
    await ann.used_up_to(20 * 2**30 + 1, pb.METER_TYPE_STORAGE_BYTES)


def about_models(kind, payload):
    return Event(f"fp.models.{kind}", payload, team="alpha", resource_id="m", summary="s", source="registry")


async def test_bytes_of_a_version_are_metered(ann, bus):
    payload = events_pb2.ModelVersionReady(model_id="m", version_id=new_id(), version="1", size_bytes=5_000)
    await bus.publish(
        [Event("fp.models.version.ready", payload, team="alpha", resource_id="m", summary="s", source="registry")]
    )
    await ann.used_up_to(5_000, pb.METER_TYPE_STORAGE_BYTES)


async def test_an_event_that_cannot_be_billed_becomes_a_dead_letter_and_holds_nobody_up(ann, bus, prediction):
    poison = Event(
        "fp.inference.completed",
        events_pb2.InferenceCompleted(model_id="m"),
        team="alpha",
        resource_id="m",
        summary="s",
        source="inference",
    )
    await bus.publish([prediction(), poison, prediction(team=""), prediction()])
    await ann.used_up_to(2)
    async with asyncio.timeout(PATIENCE):
        while len(letters := await bus.dead_letters.list()) < 2:
            await asyncio.sleep(0.02)
    assert {letter.consumer for letter in letters} == {"billing"}
    assert await ann.used() == 2


async def test_usage_that_comes_while_billing_is_down_is_metered_when_it_is_back(start, bus, prediction):
    billing = await start()
    await billing.operator().record()
    await billing.service.stop()
    await bus.publish([prediction() for _ in range(40)])
    ann = (await start()).operator()
    await ann.used_up_to(41)
    assert await ann.used() == 41


async def test_what_inference_counted_is_compared_with_what_was_metered(ann, bus, batch):
    day = MOMENT.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    message = batch(("r1", 5, 0), ("r2", 1, 30))
    for each in message.payload.completed:
        each.completed_at.FromDatetime(MOMENT)
    counted = events_pb2.InferenceCounted(counts=[events_pb2.InferenceCount(predictions=3, rows=7, tokens=30)])
    counted.counts[0].day.FromDatetime(day)
    await bus.publish([message])
    await bus.publish(
        [Event("fp.inference.counted", counted, team="alpha", resource_id="alpha", summary="s", source="inference")]
    )
    found = []
    async with asyncio.timeout(PATIENCE):
        while sum(each.recorded + each.billed for each in found) < 73:
            found = (await ann(pb.GetReconciliationRequest())).entries
            await asyncio.sleep(0.02)
    numbers = {each.meter_type: (each.recorded, each.billed, each.repeated, each.difference) for each in found}
    assert numbers == {
        pb.METER_TYPE_INFERENCE_REQUEST: (7, 6, 0, 1),
        pb.METER_TYPE_INFERENCE_TOKENS: (30, 30, 0, 0),
    }
    assert {each.day.seconds for each in found} == {int(day.timestamp())}
