"""What the bus brings."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from forgepoint.billing.v1 import billing_pb2 as pb
from forgepoint.events.v1 import events_pb2
from fp_events import Event
from fp_kernel import new_id
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import MOMENT


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


async def test_seconds_that_a_pipeline_began_are_metered(ann, bus):
    payload = events_pb2.PipelineCompleted(execution_id=new_id())
    payload.duration.FromTimedelta(timedelta(seconds=41, milliseconds=1))
    payload.completed_at.FromDatetime(MOMENT)
    event = Event("fp.pipelines.completed", payload, team="alpha", resource_id="e", summary="s", source="pipeline")
    await bus.publish([event])
    await ann.used_up_to(42, pb.METER_TYPE_COMPUTE_SECONDS)
    assert await ann.used(pb.METER_TYPE_COMPUTE_SECONDS) == 42


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
    await billing.admin().record()
    await billing.service.stop()
    await bus.publish([prediction() for _ in range(40)])
    ann = (await start()).admin()
    await ann.used_up_to(41)
    assert await ann.used() == 41


async def test_the_correlation_id_of_a_prediction_goes_on_with_its_usage(ann, bus, prediction, told):
    await bus.publish([replace(prediction(), correlation_id=f"c-{number}") for number in range(3)])
    records = await told("fp.billing.usage.recorded", 3)
    assert {event.correlation_id for event in records} == {"c-0", "c-1", "c-2"}
