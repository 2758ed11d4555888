"""Many predictions in one call, each by itself; quotas and what is left of limits."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from forgepoint.billing.v1 import billing_pb2
from forgepoint.billing.v1.billing_pb2_grpc import BillingServiceServicer, add_BillingServiceServicer_to_server
from forgepoint.events.v1 import events_pb2
from forgepoint.inference.v1 import inference_pb2 as pb
from fp_events import Event, NatsBus
from fp_inference.api import grpc
from fp_inference.app.predict_many import PARALLEL
from fp_kernel import InvalidArgument, PermissionDenied, ResourceExhausted, new_id
from fp_rpc import Server, current_call
from fp_telemetry import Metrics
from fp_testkit.issuer import Issuer
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import real_now

Start = Callable[..., Awaitable[Any]]
Announce = Callable[..., Awaitable[None]]
StartRuntime = Callable[..., Awaitable[Any]]
_INVALID = events_pb2.INFERENCE_FAILURE_REASON_INVALID_INPUT


def _item(item_id: str, *, flaw: str = "") -> pb.BatchPredictItem:
    tensor = pb.TensorData(shape=[1, 2], dtype=pb.DATA_TYPE_FLOAT32, data=struct.pack("<2f", 7.0, 1.0))
    if flaw == "data":
        tensor.data = b"\0"
    elif flaw == "dtype":
        tensor.ClearField("dtype")
    return pb.BatchPredictItem(item_id=item_id, inputs={"features": tensor})


def _batch(*items: pb.BatchPredictItem, **changes: Any) -> pb.BatchPredictRequest:
    return pb.BatchPredictRequest(**{"model_name": "delays", "items": items} | changes)


@pytest.fixture(name="served")
async def served_fixture(start: Start, runtime: StartRuntime, announce: Announce) -> Callable[..., Awaitable[Any]]:
    """A running service with version 1, and its runtime."""

    async def serve(**changes: Any) -> Any:
        one = await runtime("1")
        inference = await start(**changes)
        await announce(one, 1)
        await inference.weights({"1": 10_000})
        return inference, one

    return serve


async def test_each_item_succeeds_or_fails_by_itself_and_has_one_event(served: Any, events: Any) -> None:
    inference, one = await served()
    batch = _batch(_item("a"), _item("b/1", flaw="data"), _item("c", flaw="dtype"), _item("ü d"))
    answer = await inference.stub().BatchPredict(batch)
    assert [result.item_id for result in answer.results] == ["a", "b/1", "c", "ü d"]
    assert [result.served_version for result in answer.results] == ["1", "", "", "1"]
    assert answer.results[0].outputs["probabilities"].shape == [1, 2]
    fields = {result.item_id: result.error.field for result in answer.results if result.HasField("error")}
    assert fields == {"b/1": "inputs[features].data", "c": "inputs[features].dtype"}
    assert [result.failure_reason for result in answer.results] == [0, _INVALID, _INVALID, 0]
    completed, failed = await events.wait(2), await events.wait(2, "failed")
    published = {event.payload.request_id for event in (*completed, *failed)}
    assert published == {f"{answer.request_id}/{item.item_id}" for item in batch.items}
    assert len(one.calls) == 2


async def test_an_api_key_with_limits_of_its_own_is_held_to_them(served: Any, issuer: Issuer) -> None:
    inference, one = await served()
    key = issuer.api_key(key_id="slow", predictions_per_second=2, predictions_in_flight=1)
    slow, other = inference.stub(key), inference.stub()
    one.gate = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(_answered(slow))
        async with asyncio.timeout(PATIENCE):
            while not one.calls:
                await asyncio.sleep(0.01)
        with pytest.raises(ResourceExhausted) as caught:
            await _answered(slow)
        assert caught.value.reason == "IN_FLIGHT_LIMITED"
        one.gate.set()
    assert first.result() == "1"
    with pytest.raises(ResourceExhausted) as caught:
        # More than the bucket of two seconds has, whatever came back to it meanwhile.
        for _ in range(100):
            await slow.BatchPredict(_batch(*(_item(str(number)) for number in range(4))))
    assert (caught.value.reason, caught.value.metadata["burst"]) == ("RATE_LIMITED", "4")
    assert await _answered(other) == "1"


async def _answered(stub: Any) -> str:
    request = pb.PredictRequest(model_name="delays", inputs=_item("a").inputs)
    return str((await stub.Predict(request, timeout=PATIENCE)).served_version)


async def test_a_retry_gets_the_same_answers_and_computes_what_is_missing(served: Any, events: Any) -> None:
    inference, one = await served()
    one.errors = [InvalidArgument("the model says no", reason="MODEL_REFUSED")]
    batch = _batch(*(_item(str(number)) for number in range(40)), idempotency_key="batch-1")
    first = await inference.stub().BatchPredict(batch)
    refused = [result.item_id for result in first.results if result.HasField("error")]
    assert len(refused) == 1
    second = await inference.stub().BatchPredict(batch)
    assert first.request_id == second.request_id
    assert [result for result in second.results if result.item_id not in refused] == [
        result for result in first.results if result.item_id not in refused
    ]
    assert len(one.calls) == 41
    assert len(await events.wait(40)) == 40
    with pytest.raises(InvalidArgument) as caught:
        await inference.stub().BatchPredict(_batch(_item("other"), idempotency_key="batch-1"))
    assert caught.value.fields[0].field == "idempotency_key"


@pytest.mark.parametrize(
    ("items", "field"),
    [
        ([], "items"),
        ([_item(str(number)) for number in range(257)], "items"),
        ([_item("a"), _item("")], "items[1].item_id"),
        ([_item("a"), _item("a")], "items[1].item_id"),
        ([_item("a" * 129)], "items[0].item_id"),
        ([_item("a\n")], "items[0].item_id"),
    ],
)
async def test_a_bad_batch_names_its_field(start: Start, items: list[pb.BatchPredictItem], field: str) -> None:
    inference = await start()
    with pytest.raises(InvalidArgument) as caught:
        await inference.stub().BatchPredict(_batch(*items))
    assert caught.value.fields[0].field == field


async def test_a_batch_costs_its_items_and_says_what_is_left(served: Any, events: Any) -> None:
    inference, _ = await served(rate_limits="default=0.1/10")
    call = inference.stub().BatchPredict(_batch(*(_item(str(number)) for number in range(7))))
    await call
    left = {key: value for key, value in await call.trailing_metadata() if key.startswith("ratelimit")}
    assert left == {"ratelimit-limit": "10", "ratelimit-remaining": "3", "ratelimit-reset": "70"}
    with pytest.raises(ResourceExhausted) as caught:
        await inference.stub().BatchPredict(_batch(*(_item(str(number)) for number in range(5))))
    assert caught.value.reason == "RATE_LIMITED"
    assert 0 < (caught.value.retry_after or 0) <= 20
    assert len(await events.wait(5, "failed")) == 5


async def test_a_batch_answers_what_is_there_before_its_time_is_over(
    served: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All of the time but two seconds is for the answer's way back.
    monkeypatch.setattr(grpc, "_WAY_BACK", PATIENCE)
    monkeypatch.setattr(grpc, "_WAY_BACK_SHARE", (PATIENCE - 2) / PATIENCE)
    inference, one = await served()
    await inference.stub().BatchPredict(_batch(_item("warm")))
    one.gate = asyncio.Event()
    answer = await inference.stub().BatchPredict(_batch(_item("a"), _item("b")), timeout=PATIENCE)
    assert {result.failure_reason for result in answer.results} == {events_pb2.INFERENCE_FAILURE_REASON_TIMEOUT}
    one.gate.set()


async def test_only_those_who_may_name_a_version(served: Any, issuer: Issuer) -> None:
    inference, one = await served()
    await inference.stub().BatchPredict(_batch(_item("a"), version_override="1"))
    caller = inference.stub(issuer.identity.engineer("alpha", scopes=["predictions:create"]))
    with pytest.raises(PermissionDenied):
        await caller.BatchPredict(_batch(_item("a"), version_override="1"))
    assert len(one.calls) == 1


async def test_a_stream_tells_each_result_and_waits_for_the_bucket(served: Any, events: Any) -> None:
    inference, _ = await served(rate_limits="default=400/400")
    items = [_item(str(number)) for number in range(600)]
    stream = inference.stub().StreamPredict(pb.StreamPredictRequest(model_name="delays", items=items))
    answers = [answer async for answer in stream]
    assert sorted(int(answer.result.item_id) for answer in answers) == list(range(600))
    assert [answer.result.error.message for answer in answers if answer.result.HasField("error")] == []
    assert len({event.payload.request_id for event in await events.wait(600)}) == 600


async def test_a_stream_that_its_caller_leaves_ends(served: Any) -> None:
    # Places for as many calls as a stream has under way: while it goes on, nobody else is let in.
    inference, one = await served(bulkhead_in_flight=PARALLEL, bulkhead_waiting=0)
    items = [_item(str(number)) for number in range(100)]
    one.gate = opened = asyncio.Event()
    stream = inference.stub().StreamPredict(pb.StreamPredictRequest(model_name="delays", items=items))
    reading = asyncio.create_task(anext(aiter(stream)))
    async with asyncio.timeout(PATIENCE):
        while len(one.calls) < PARALLEL:
            await asyncio.sleep(0)
        # The first calls are answered, those that follow hang until somebody ends them.
        one.gate = held = asyncio.Event()
        opened.set()
        await reading
        while len(one.calls) < 2 * PARALLEL:
            await asyncio.sleep(0)
        assert (await inference.stub().BatchPredict(_batch(_item("a")))).results[0].HasField("error")
        one.gate = None
        stream.cancel()
        while (await inference.stub().BatchPredict(_batch(_item("a")))).results[0].HasField("error"):
            await asyncio.sleep(0.01)
    assert len(one.calls) == 2 * PARALLEL + 1
    held.set()


class FakeBilling(BillingServiceServicer):
    """asked: for which team and which meter, on behalf of whom."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, str]] = []
        self.exceeded, self.per_second = True, 0

    async def CheckQuota(self, request: billing_pb2.CheckQuotaRequest, context: Any) -> billing_pb2.CheckQuotaResponse:
        self.asked.append((request.team, request.meter_type, current_call().team))
        return billing_pb2.CheckQuotaResponse(
            team=request.team, exceeded=self.exceeded, predictions_per_second=self.per_second
        )


async def test_billing_is_asked_for_what_it_told_before_the_start(served: Any, bus: NatsBus, issuer: Issuer) -> None:
    billing, server = FakeBilling(), Server("billing", resolver=issuer.identity.resolver(), metrics=Metrics("billing"))
    server.add(add_BillingServiceServicer_to_server, billing)
    address = f"127.0.0.1:{await server.start('127.0.0.1:0')}"
    await _publish_exceeded(bus, "alpha")
    inference, one = await served(billing_addr=address)
    async with asyncio.timeout(PATIENCE):
        with suppress(ResourceExhausted):
            while True:
                await inference.stub().BatchPredict(_batch(_item("a")))
    calls = len(one.calls)
    with pytest.raises(ResourceExhausted) as caught:
        await inference.stub().BatchPredict(_batch(_item("a")))
    assert caught.value.reason == "QUOTA_EXCEEDED"
    assert set(billing.asked) == {("alpha", billing_pb2.METER_TYPE_INFERENCE_REQUEST, "alpha")}
    assert len(one.calls) == calls
    await server.stop(0)


async def test_members_of_a_team_share_what_its_plan_allows(served: Any, issuer: Issuer) -> None:
    billing, server = FakeBilling(), Server("billing", resolver=issuer.identity.resolver(), metrics=Metrics("billing"))
    # The bucket holds two seconds' worth, and earns nothing that counts while the test asks.
    billing.exceeded, billing.per_second = False, 1
    server.add(add_BillingServiceServicer_to_server, billing)
    inference, _ = await served(billing_addr=f"127.0.0.1:{await server.start('127.0.0.1:0')}")
    items = [_item(str(number)) for number in range(100)]
    await inference.stub().BatchPredict(_batch(*items))
    with pytest.raises(ResourceExhausted) as caught:
        await inference.stub(issuer.identity.engineer("alpha", sub=new_id())).BatchPredict(_batch(*items))
    assert caught.value.reason == "RATE_LIMITED"
    assert 0 < (caught.value.retry_after or 0) <= 100
    await server.stop(0)


async def _publish_exceeded(bus: NatsBus, team: str) -> None:
    exceeded = events_pb2.QuotaExceeded(team=team, meter_type=events_pb2.METER_TYPE_INFERENCE_REQUEST)
    exceeded.occurred_at.FromDatetime(real_now())
    published = Event("fp.billing.quota.exceeded", exceeded, team, team, "Too much.", sequence=1)
    assert not (await bus.publish([published])).failed


async def test_a_team_beyond_its_quota_gets_no_prediction(served: Any, bus: NatsBus, events: Any) -> None:
    inference, _ = await served()
    for team in ("beta", "alpha"):
        await _publish_exceeded(bus, team)
    reasons = []
    async with asyncio.timeout(PATIENCE):
        while not reasons:
            try:
                await inference.stub().BatchPredict(_batch(_item("a")))
            except ResourceExhausted as error:
                reasons.append(error.reason)
    assert reasons == ["QUOTA_EXCEEDED"]
    (failed,) = await events.wait(1, "failed")
    assert failed.payload.reason == events_pb2.INFERENCE_FAILURE_REASON_QUOTA_EXCEEDED
