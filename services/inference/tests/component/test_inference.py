"""Predictions, routes and events with real NATS and Redis."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from forgepoint.common.v1.common_pb2 import PaginationRequest
from forgepoint.events.v1 import events_pb2
from forgepoint.inference.v1 import inference_pb2 as pb
from forgepoint.pipeline.v1 import pipeline_pb2
from fp_events import Consumer, Event, NatsBus, each
from fp_kernel import (
    FailedPrecondition,
    Internal,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unavailable,
    Unimplemented,
)
from fp_testkit.issuer import Issuer

Start = Callable[..., Awaitable[Any]]
Tell = Callable[..., Awaitable[None]]
StartRuntime = Callable[..., Awaitable[Any]]
Ask = Callable[..., pb.PredictRequest]
_COUNTER = Consumer("counter", ("fp.inference.>",))


class Events:
    """What a consumer of fp.inference saw, by event id."""

    def __init__(self) -> None:
        self.seen: dict[str, Event] = {}
        self.deliveries = 0
        self.more = asyncio.Condition()

    async def take(self, event: Event) -> None:
        async with self.more:
            self.deliveries += 1
            self.seen[event.id] = event
            self.more.notify_all()

    async def wait(self, count: int, kind: str = "completed") -> list[Event]:
        """The distinct events of a kind, once there are `count`."""
        async with asyncio.timeout(10), self.more:
            await self.more.wait_for(lambda: len(self.of(kind)) >= count)
        return self.of(kind)

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.seen.values() if event.type == f"fp.inference.{kind}"]


@pytest.fixture
async def events(bus: NatsBus):
    seen = Events()
    await bus.ensure((), (_COUNTER,))
    async with asyncio.TaskGroup() as group:
        consuming = group.create_task(bus.consume(_COUNTER, each(seen.take)))
        yield seen
        consuming.cancel()


async def test_a_prediction_is_answered_by_the_deployed_version_and_told(
    start: Start, runtime: StartRuntime, tell: Tell, ask: Ask, events: Events, issuer: Issuer
) -> None:
    one = await runtime("1")
    inference = await start()
    await tell(one, 1, weight=10_000)
    await inference.weights({"1": 10_000})
    answer = await inference.stub(issuer.api_key(key_id="key-9")).Predict(ask((7.0, 1.0)))
    assert answer.served_version == "1"
    assert struct.unpack("<2f", answer.outputs["probabilities"].data) == pytest.approx((0.99, 0.01))
    assert answer.latency.ToNanoseconds() > 0
    assert one.calls == [("alpha", answer.request_id)]
    (event,) = await events.wait(1)
    assert isinstance(event.payload, events_pb2.InferenceCompleted)
    assert (event.team, event.resource_id, event.source, event.actor) == ("alpha", "m", "inference", "key-9")
    payload = event.payload
    assert (payload.request_id, payload.version, payload.api_key_id) == (answer.request_id, "1", "key-9")
    assert payload.feature_summary.feature_values == {"hour": 7.0}
    assert payload.feature_summary.categorical_values == {"carrier": "DL"}
    assert payload.prediction_summary.top_label == "0"
    assert payload.prediction_summary.output_stats["score"] == pytest.approx(0.01)


async def test_bad_input_names_its_field_and_is_told_as_failed(
    start: Start, runtime: StartRuntime, tell: Tell, ask: Ask, events: Events
) -> None:
    one = await runtime("1")
    inference = await start()
    await tell(one, 1)
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
    start: Start, runtime: StartRuntime, tell: Tell, ask: Ask, issuer: Issuer
) -> None:
    one = await runtime("1")
    inference = await start()
    await tell(one, 1)
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
    with pytest.raises(Unimplemented):
        await inference.stub().BatchPredict(pb.BatchPredictRequest())


async def test_traffic_moves_by_the_split_and_every_replica_follows(
    start: Start, runtime: StartRuntime, tell: Tell, ask: Ask, tmp_path
) -> None:
    one, two = await runtime("1"), await runtime("2")
    first, second = await start(), await start(spool_dir=tmp_path / "second")
    await tell(one, 1, weight=10_000)
    await tell(two, 1)
    for replica in (first, second):
        await replica.weights({"1": 10_000, "2": 0})
    weights = [pb.TrafficWeight(version="2", weight_bps=7_500), pb.TrafficWeight(version="1", weight_bps=2_500)]
    answer = await first.stub().SetTrafficSplit(pb.SetTrafficSplitRequest(model_name="delays", weights=weights))
    assert {target.version: target.weight_bps for target in answer.route.targets} == {"1": 2_500, "2": 7_500}
    await second.weights({"1": 2_500, "2": 7_500})
    stub = second.stub()
    versions = [(await stub.Predict(ask())).served_version for _ in range(200)]
    assert 110 < versions.count("2") < 190
    sticky = {(await stub.Predict(ask(sticky_key="customer"))).served_version for _ in range(20)}
    assert len(sticky) == 1
    assert (await stub.Predict(ask(version_override="1"))).served_version == "1"
    await tell(one, 2, gone=True)
    for replica in (first, second):
        await replica.weights({"2": 10_000})
    with pytest.raises(FailedPrecondition) as caught:
        await stub.Predict(ask(version_override="1"))
    assert caught.value.fields[0].field == "version_override"


async def test_a_bad_split_names_its_field(start: Start, runtime: StartRuntime, tell: Tell) -> None:
    one = await runtime("1")
    inference = await start()
    await tell(one, 1)
    await inference.weights({"1": 10_000})
    stub = inference.stub()
    for weights, error, field in [
        ([("1", 9_999)], InvalidArgument, "weights"),
        ([], InvalidArgument, "weights"),
        ([("1", 5_000), ("9", 5_000)], FailedPrecondition, "weights[1].version"),
    ]:
        request = pb.SetTrafficSplitRequest(
            model_name="delays",
            weights=[pb.TrafficWeight(version=version, weight_bps=weight) for version, weight in weights],
        )
        with pytest.raises(error) as caught:
            await stub.SetTrafficSplit(request)
        assert caught.value.fields[0].field == field


async def test_routes_survive_a_restart_and_come_from_the_pipeline_when_the_store_lost_them(
    start: Start, runtime: StartRuntime, tell: Tell, ask: Ask, pipeline, bus: NatsBus, redis_url: str
) -> None:
    import redis.asyncio  # noqa: PLC0415 -- one use

    one = await runtime("1")
    first = await start()
    await tell(one, 1)
    await first.weights({"1": 10_000})
    await first.service.stop()
    second = await start()
    assert (await second.stub().Predict(ask())).served_version == "1"
    await second.service.stop()
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await client.flushall()
    two = await runtime("2")
    pipeline.deployments = [
        pipeline_pb2.Deployment(
            team="alpha",
            model_id="m",
            model_name="delays",
            version_id="id-2",
            version="2",
            endpoint=two.address,
            weight_bps=10_000,
            sequence=4,
        )
    ]
    third = await start()
    # Version 1 is still in the stream of events; the pipeline does not list it any more.
    await third.weights({"2": 10_000})
    assert (await third.stub().Predict(ask())).served_version == "2"


async def test_a_retry_with_the_same_key_gets_the_same_answer_and_one_event(
    start: Start, runtime: StartRuntime, tell: Tell, ask: Ask, events: Events
) -> None:
    one, two = await runtime("1"), await runtime("2")
    first = await start()
    await tell(one, 1, weight=10_000)
    await tell(two, 1)
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


async def test_a_runtime_that_fails_is_cut_off_and_probed_when_it_may_be_well(
    start: Start, runtime: StartRuntime, tell: Tell, ask: Ask, events: Events
) -> None:
    one = await runtime("1")
    inference = await start(breaker_seconds=2.0)
    await tell(one, 1)
    await inference.weights({"1": 10_000})
    stub = inference.stub()
    one.errors = [Internal("bug") for _ in range(5)]
    for _ in range(5):
        with pytest.raises(Internal):
            await stub.Predict(ask())
    with pytest.raises(Unavailable) as caught:
        await stub.Predict(ask())
    assert caught.value.reason == "CIRCUIT_OPEN"
    assert len(one.calls) == 5
    async with asyncio.timeout(5):
        while not one.calls[5:]:
            await asyncio.sleep(caught.value.retry_after or 0.01)
            await stub.Predict(ask())
    reasons = [event.payload.reason for event in await events.wait(6, "failed")]
    assert reasons.count(events_pb2.INFERENCE_FAILURE_REASON_UPSTREAM_ERROR) == 5
    assert reasons.count(events_pb2.INFERENCE_FAILURE_REASON_CIRCUIT_OPEN) == 1


async def test_a_runtime_that_was_gone_answers_soon_after_it_is_back(
    start: Start, runtime: StartRuntime, tell: Tell, ask: Ask
) -> None:
    one = await runtime("1")
    inference = await start()
    await tell(one, 1)
    await inference.weights({"1": 10_000})
    stub = inference.stub()
    await stub.Predict(ask())
    await one.server.stop(0)
    for _ in range(4):
        with pytest.raises(Unavailable):
            await stub.Predict(ask())
    await runtime("1", one.address)
    async with asyncio.timeout(10):
        while True:
            try:
                await stub.Predict(ask())
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                break


async def test_the_limit_refuses_with_a_delay(
    start: Start, runtime: StartRuntime, tell: Tell, ask: Ask, events: Events
) -> None:
    one = await runtime("1")
    inference = await start(rate_limits="default=1/3")
    await tell(one, 1)
    await inference.weights({"1": 10_000})
    stub = inference.stub()
    for _ in range(3):
        await stub.Predict(ask())
    with pytest.raises(ResourceExhausted) as caught:
        await stub.Predict(ask())
    assert 0 < (caught.value.retry_after or 0) <= 1.0
    (failed,) = await events.wait(1, "failed")
    assert failed.payload.reason == events_pb2.INFERENCE_FAILURE_REASON_RATE_LIMITED


async def test_a_slow_model_has_a_bounded_number_of_callers(
    start: Start, runtime: StartRuntime, tell: Tell, ask: Ask
) -> None:
    one = await runtime("1")
    one.gate = asyncio.Event()
    inference = await start(bulkhead_in_flight=1, bulkhead_waiting=0)
    await tell(one, 1)
    await inference.weights({"1": 10_000})
    stub = inference.stub()
    slow = asyncio.ensure_future(_predict(stub, ask()))
    async with asyncio.timeout(5):
        while not one.calls:
            await asyncio.sleep(0.01)
    with pytest.raises(ResourceExhausted) as caught:
        await stub.Predict(ask())
    assert caught.value.reason == "BULKHEAD_FULL"
    one.gate.set()
    assert (await slow).served_version == "1"


async def _predict(stub: Any, request: pb.PredictRequest) -> pb.PredictResponse:
    return await stub.Predict(request)


async def test_a_revoked_key_is_worth_nothing_at_once(
    start: Start, runtime: StartRuntime, tell: Tell, ask: Ask, issuer: Issuer, bus: NatsBus
) -> None:
    from fp_kernel import Unauthenticated  # noqa: PLC0415 -- one use

    one = await runtime("1")
    inference = await start()
    await tell(one, 1)
    await inference.weights({"1": 10_000})
    key = issuer.api_key(key_id="key-7")
    stub = inference.stub(key)
    await stub.Predict(ask())
    issuer.keys.pop(key)
    await stub.Predict(ask())
    revoked = events_pb2.ApiKeyRevoked(key_id="key-7")
    await bus.publish([Event("fp.auth.apikey.revoked", revoked, "alpha", "key-7", "A key was revoked.")])
    with pytest.raises(Unauthenticated):
        async with asyncio.timeout(5):
            while True:
                await stub.Predict(ask())


async def test_models_are_described_with_their_versions(
    start: Start, runtime: StartRuntime, tell: Tell, bus: NatsBus
) -> None:
    one, two = await runtime("1"), await runtime("2")
    inference = await start()
    await tell(one, 1, weight=10_000)
    await tell(two, 1)
    await inference.weights({"1": 10_000, "2": 0})
    promoted = events_pb2.ModelPromoted(
        model_id="m", model_name="delays", version_id="id-1", version="1", to_stage=events_pb2.MODEL_STAGE_PRODUCTION
    )
    promoted.promoted_at.GetCurrentTime()
    await bus.publish([Event("fp.models.promoted", promoted, "alpha", "m", "Promoted.", sequence=1)])
    stub = inference.stub()
    async with asyncio.timeout(5):
        while True:
            info = (await stub.GetModelInfo(pb.GetModelInfoRequest(model_name="delays"))).model_info
            if any(version.is_stable for version in info.versions):
                break
            await asyncio.sleep(0.02)
    assert [(version.version, version.is_stable) for version in info.versions] == [("1", True), ("2", False)]
    assert info.is_serving
    assert [(spec.name, spec.dtype) for spec in info.inputs] == [("features", pb.DATA_TYPE_FLOAT32)]
    assert [column.name for column in info.signature.inputs[0].columns] == ["hour", "carrier"]


async def test_routes_are_listed_in_pages(start: Start, pipeline, issuer: Issuer) -> None:
    pipeline.deployments = [
        pipeline_pb2.Deployment(
            team=team,
            model_name=f"model-{number}",
            version_id=f"{team}-{number}",
            version="1",
            endpoint="127.0.0.1:1",
            sequence=1,
        )
        for team in ("alpha", "beta")
        for number in range(5)
    ]
    inference = await start()
    stub = inference.stub()
    names: list[str] = []
    token = ""
    async with asyncio.timeout(10):
        while not (await stub.ListRoutes(pb.ListRoutesRequest())).routes:
            await asyncio.sleep(0.02)
        while True:
            pagination = PaginationRequest(page_size=2, page_token=token)
            page = await stub.ListRoutes(pb.ListRoutesRequest(pagination=pagination))
            names += [route.model_name for route in page.routes]
            token = page.pagination.next_page_token
            if not token:
                break
    assert names == [f"model-{number}" for number in range(5)]
    stranger = inference.stub(issuer.identity.engineer("beta"))
    with pytest.raises(InvalidArgument):
        pagination = PaginationRequest(page_size=2, page_token=_token(await _first_page(stub)))
        await stranger.ListRoutes(pb.ListRoutesRequest(pagination=pagination))


async def _first_page(stub: Any) -> pb.ListRoutesResponse:
    return await stub.ListRoutes(pb.ListRoutesRequest(pagination=PaginationRequest(page_size=1)))


def _token(page: pb.ListRoutesResponse) -> str:
    return page.pagination.next_page_token
