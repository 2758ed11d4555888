"""Breakers, limits, bulkheads and revoked keys."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from forgepoint.events.v1 import events_pb2
from forgepoint.inference.v1 import inference_pb2 as pb
from fp_events import Event, NatsBus
from fp_kernel import (
    Internal,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
)
from fp_testkit.issuer import Issuer
from fp_testkit.patience import PATIENCE

Start = Callable[..., Awaitable[Any]]
Announce = Callable[..., Awaitable[None]]
StartRuntime = Callable[..., Awaitable[Any]]
Ask = Callable[..., pb.PredictRequest]


async def test_a_runtime_that_fails_is_cut_off_and_probed_when_it_may_be_well(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask, events: Any
) -> None:
    one = await runtime("1")
    inference = await start(breaker_seconds=4.0)
    await announce(one, 1)
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
    async with asyncio.timeout(PATIENCE):
        while not one.calls[5:]:
            await asyncio.sleep(caught.value.retry_after or 0.01)
            await stub.Predict(ask())
    reasons = [event.payload.reason for event in await events.wait(6, "failed")]
    assert reasons.count(events_pb2.INFERENCE_FAILURE_REASON_UPSTREAM_ERROR) == 5
    assert reasons.count(events_pb2.INFERENCE_FAILURE_REASON_CIRCUIT_OPEN) == 1


async def test_a_runtime_that_was_gone_answers_soon_after_it_is_back(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask
) -> None:
    one = await runtime("1")
    inference = await start()
    await announce(one, 1)
    await inference.weights({"1": 10_000})
    stub = inference.stub()
    await stub.Predict(ask())
    await one.server.stop(0)
    for _ in range(4):
        with pytest.raises(Unavailable):
            await stub.Predict(ask())
    await runtime("1", one.address)
    await inference.answer_of_one_that_came_back()


async def test_the_limit_refuses_with_a_delay(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask, events: Any
) -> None:
    one = await runtime("1")
    inference = await start(rate_limits="default=0.05/3")
    await announce(one, 1)
    await inference.weights({"1": 10_000})
    stub = inference.stub()
    for _ in range(3):
        await stub.Predict(ask())
    with pytest.raises(ResourceExhausted) as caught:
        await stub.Predict(ask())
    assert 0 < (caught.value.retry_after or 0) <= 20.0
    (failed,) = await events.wait(1, "failed")
    assert failed.payload.reason == events_pb2.INFERENCE_FAILURE_REASON_RATE_LIMITED


async def test_a_slow_model_has_a_bounded_number_of_callers(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask
) -> None:
    one = await runtime("1")
    one.gate = asyncio.Event()
    inference = await start(bulkhead_in_flight=1, bulkhead_waiting=0)
    await announce(one, 1)
    await inference.weights({"1": 10_000})
    stub = inference.stub()
    slow = asyncio.ensure_future(_predict(stub, ask()))
    async with asyncio.timeout(PATIENCE):
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
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask, issuer: Issuer, bus: NatsBus
) -> None:
    one = await runtime("1")
    inference = await start()
    await announce(one, 1)
    await inference.weights({"1": 10_000})
    key = issuer.api_key(key_id="key-7")
    stub = inference.stub(key)
    await stub.Predict(ask())
    issuer.keys.pop(key)
    await stub.Predict(ask())
    revoked = events_pb2.ApiKeyRevoked(key_id="key-7")
    await bus.publish([Event("fp.auth.apikey.revoked", revoked, "alpha", "key-7", "A key was revoked.")])
    with pytest.raises(Unauthenticated):
        async with asyncio.timeout(PATIENCE):
            while True:
                await stub.Predict(ask())


async def _of_two(start: Start, runtime: StartRuntime, announce: Announce, **changes: Any) -> tuple[Any, Any]:
    """The service with the stable version 1 and the canary 2, half of the traffic each; and the canary's runtime."""
    one, two = await runtime("1"), await runtime("2")
    inference = await start(**changes)
    await announce(one, 1)
    await announce(two, 2)
    await inference.weights({"1": 10_000, "2": 0})
    shares = [pb.TrafficWeight(version=version, weight_bps=5_000) for version in "12"]
    await inference.stub().SetTrafficSplit(pb.SetTrafficSplitRequest(model_name="delays", weights=shares))
    return inference, two


async def test_calls_that_a_canary_lost_are_told_though_the_stable_version_answered_them(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask, events: Any
) -> None:
    inference, two = await _of_two(start, runtime, announce, breaker_failures=1_000)
    two.errors = [Unavailable("gone") for _ in range(1_000)]
    # No more than the budget of retries holds.
    for number in range(10):
        assert (await inference.stub().Predict(ask(sticky_key=str(number)))).served_version == "1"
    payloads = [event.payload for event in await events.wait(10, "completed")]
    tries = [(each.version, each.failure) for payload in payloads for each in payload.attempts]
    assert tries.count(("1", events_pb2.INFERENCE_FAILURE_REASON_UNSPECIFIED)) == 10
    assert ("2", events_pb2.INFERENCE_FAILURE_REASON_UPSTREAM_ERROR) in tries


async def test_while_a_canary_hangs_the_stable_version_refuses_nobody(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask
) -> None:
    inference, two = await _of_two(start, runtime, announce, bulkhead_in_flight=2, bulkhead_waiting=0)
    two.gate = asyncio.Event()
    stub = inference.stub()
    hung: list[asyncio.Task[Any]] = []
    while len(hung) < 2:
        call = asyncio.ensure_future(stub.Predict(ask(), timeout=PATIENCE))
        while not call.done() and len(two.calls) == len(hung):
            await asyncio.sleep(0.01)
        hung += [] if call.done() else [call]
    answers = [await stub.Predict(ask()) for _ in range(30)]
    assert {answer.served_version for answer in answers} == {"1"}
    assert len(two.calls) == 2
    two.gate.set()
    assert {answer.served_version for answer in await asyncio.gather(*hung)} == {"2"}
