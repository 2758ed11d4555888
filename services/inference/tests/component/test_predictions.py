"""Predictions, their answers and their events, with real NATS and Redis."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from forgepoint.events.v1 import events_pb2
from forgepoint.inference.v1 import inference_pb2 as pb
from fp_events import Event, NatsBus
from fp_kernel import (
    InvalidArgument,
    NotFound,
    PermissionDenied,
)
from fp_testkit.issuer import Issuer
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import MOMENT

Start = Callable[..., Awaitable[Any]]
Announce = Callable[..., Awaitable[None]]
StartRuntime = Callable[..., Awaitable[Any]]
Ask = Callable[..., pb.PredictRequest]


async def test_a_prediction_is_answered_by_the_deployed_version_and_told(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask, events: Any, issuer: Issuer
) -> None:
    one = await runtime("1")
    inference = await start()
    await announce(one, 1, weight=10_000)
    await inference.weights({"1": 10_000})
    traceparent = f"00-{'ab' * 16}-{'cd' * 8}-01"
    answer = await inference.stub(issuer.api_key(key_id="key-9")).Predict(
        ask((7.0, 1.0)), metadata=(("x-correlation-id", "order-7"), ("traceparent", traceparent))
    )
    assert answer.served_version == "1"
    assert struct.unpack("<2f", answer.outputs["probabilities"].data) == pytest.approx((0.99, 0.01))
    assert answer.latency.ToNanoseconds() > 0
    assert one.calls == [("alpha", answer.request_id)]
    assert one.named == [("delays", "1", "id-1")]
    (event,) = await events.wait(1)
    assert isinstance(event.payload, events_pb2.InferenceCompleted)
    assert (event.team, event.resource_id, event.source, event.actor) == ("alpha", "m", "inference", "key-9")
    assert (event.correlation_id, event.trace) == ("order-7", {"traceparent": traceparent})
    payload = event.payload
    assert (payload.request_id, payload.version, payload.api_key_id) == (answer.request_id, "1", "key-9")
    assert payload.feature_summary.feature_values == {"hour": 7.0}
    assert payload.feature_summary.categorical_values == {"carrier": "DL"}
    assert payload.prediction_summary.top_label == "0"
    assert payload.prediction_summary.output_stats["score"] == pytest.approx(0.01)


async def test_every_row_of_a_request_is_told(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask, events: Any, issuer: Issuer
) -> None:
    one = await runtime("1")
    inference = await start()
    await announce(one, 1, weight=10_000)
    await inference.weights({"1": 10_000})
    await inference.stub(issuer.api_key(key_id="key-9")).Predict(ask((7.0, 1.0), (8.0, 0.0), (9.0, 1.0)))
    (event,) = await events.wait(1)
    assert (event.payload.rows, event.payload.sampled_rows.count) == (3, 3)
    hour, carrier = event.payload.sampled_rows.features
    assert (hour.name, [*hour.numbers]) == ("hour", [7.0, 8.0, 9.0])
    assert (carrier.name, [*carrier.categories]) == ("carrier", ["DL", "UA", "DL"])
    assert [*event.payload.sampled_rows.scores] == pytest.approx([0.01] * 3)
    assert [*event.payload.sampled_rows.labels] == ["0"] * 3


async def test_bad_input_names_its_field_and_is_told_as_failed(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask, events: Any
) -> None:
    one = await runtime("1")
    inference = await start()
    await announce(one, 1)
    await inference.weights({"1": 10_000})
    stub = inference.stub()
    short, wide, untyped = ask(), ask(), ask()
    short.inputs["features"].data = b"\0" * 7
    wide.inputs["features"].shape[:] = [1, 1, 2]
    untyped.inputs["features"].dtype = pb.DATA_TYPE_UNSPECIFIED
    for request, field in [
        (short, "inputs[features].data"),
        (wide, "inputs[features].shape"),
        (untyped, "inputs[features].dtype"),
        (ask(model_name=""), "model_name"),
        (ask(sticky_key="k" * 1_025), "sticky_key"),
        (ask(idempotency_key="k" * 300), "idempotency_key"),
        (pb.PredictRequest(model_name="delays"), "inputs"),
    ]:
        with pytest.raises(InvalidArgument) as caught:
            await stub.Predict(request)
        assert caught.value.fields[0].field == field
    failed = await events.wait(3, "failed")
    assert {event.payload.error.field for event in failed} == {
        "inputs[features].data",
        "inputs[features].shape",
        "inputs",
    }
    assert {event.payload.reason for event in failed} == {events_pb2.INFERENCE_FAILURE_REASON_INVALID_INPUT}
    assert one.calls == []


async def test_an_unknown_model_and_another_teams_model_are_not_found(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask, issuer: Issuer
) -> None:
    one = await runtime("1")
    inference = await start()
    await announce(one, 1)
    await inference.weights({"1": 10_000})
    with pytest.raises(NotFound):
        await inference.stub().Predict(ask(model_name="other"))
    stranger = inference.stub(issuer.identity.engineer("beta"))
    with pytest.raises(NotFound):
        await stranger.Predict(ask())
    with pytest.raises(NotFound):
        await stranger.GetRoute(pb.GetRouteRequest(model_name="delays"))
    with pytest.raises(PermissionDenied):
        await inference.stub(issuer.identity.viewer("alpha")).Predict(ask())


async def test_a_retry_with_the_same_key_gets_the_same_answer_and_one_event(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask, events: Any
) -> None:
    one, two = await runtime("1"), await runtime("2")
    first = await start()
    await announce(one, 1, weight=10_000)
    await announce(two, 1)
    await first.weights({"1": 10_000, "2": 0})
    answer = await first.stub().Predict(ask(idempotency_key="k"))
    assert await first.stub().Predict(ask(idempotency_key="k")) == answer
    with pytest.raises(InvalidArgument) as caught:
        await first.stub().Predict(ask((8.0, 0.0), idempotency_key="k"))
    assert caught.value.fields[0].field == "idempotency_key"
    await first.service.stop()
    second = await start()
    weights = [pb.TrafficWeight(version="2", weight_bps=10_000)]
    await second.stub().SetTrafficSplit(pb.SetTrafficSplitRequest(model_name="delays", weights=weights))
    assert await second.stub().Predict(ask(idempotency_key="k")) == answer
    await second.stub().Predict(ask(idempotency_key="another"))
    completed = await events.wait(2)
    assert {event.payload.request_id for event in completed} >= {answer.request_id}
    assert len(completed) == events.deliveries == 2


async def test_models_are_described_with_their_versions(
    start: Start, runtime: StartRuntime, announce: Announce, bus: NatsBus
) -> None:
    one, two = await runtime("1"), await runtime("2")
    inference = await start()
    await announce(one, 1, weight=10_000)
    await announce(two, 1)
    await inference.weights({"1": 10_000, "2": 0})
    promoted = events_pb2.ModelPromoted(
        model_id="m", model_name="delays", version_id="id-1", version="1", to_stage=events_pb2.MODEL_STAGE_PRODUCTION
    )
    promoted.promoted_at.FromDatetime(MOMENT)
    await bus.publish([Event("fp.models.promoted", promoted, "alpha", "m", "Promoted.", sequence=1)])
    stub = inference.stub()
    async with asyncio.timeout(PATIENCE):
        while True:
            info = (await stub.GetModelInfo(pb.GetModelInfoRequest(model_name="delays"))).model_info
            if any(version.is_stable for version in info.versions):
                break
            await asyncio.sleep(0.02)
    assert [(version.version, version.is_stable) for version in info.versions] == [("1", True), ("2", False)]
    assert info.is_serving
    assert [(spec.name, spec.dtype) for spec in info.inputs] == [("features", pb.DATA_TYPE_FLOAT32)]
    assert [column.name for column in info.signature.inputs[0].columns] == ["hour", "carrier"]
