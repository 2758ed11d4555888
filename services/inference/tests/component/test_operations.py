"""What operators ask: breakers over all replicas, and a route taken away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from forgepoint.common.v1.common_pb2 import PaginationRequest
from forgepoint.inference.v1 import inference_pb2 as pb
from fp_kernel import Aborted, Internal, InvalidArgument, NotFound, PermissionDenied
from fp_testkit.issuer import Issuer

Start = Callable[..., Awaitable[Any]]
Announce = Callable[..., Awaitable[None]]
StartRuntime = Callable[..., Awaitable[Any]]
Ask = Callable[..., pb.PredictRequest]
PATIENCE = 60


async def _replicas(start: Start, tmp_path: Any, *runtimes: Any, announce: Announce) -> tuple[Any, Any]:
    first, second = await start(), await start(spool_dir=tmp_path / "second")
    for number, runtime in enumerate(runtimes):
        await announce(runtime, 1, weight=0 if number else 10_000)
    shares = {runtime.version: 0 if number else 10_000 for number, runtime in enumerate(runtimes)}
    for replica in (first, second):
        await replica.weights(shares)
    return first, second


async def test_a_breaker_that_is_open_in_one_replica_is_told_by_every_other(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask, tmp_path: Any
) -> None:
    one, two = await runtime("1"), await runtime("2")
    first, second = await _replicas(start, tmp_path, one, two, announce=announce)
    one.errors = [Internal("bug") for _ in range(5)]
    stub = first.stub()
    for _ in range(5):
        with pytest.raises(Internal):
            await stub.Predict(ask())
    request = pb.GetCircuitStateRequest(model_name="delays", version="1")
    own = (await stub.GetCircuitState(request)).circuit_state
    assert (own.state, own.consecutive_failures) == (pb.CIRCUIT_BREAKER_STATE_OPEN, 5)
    other = second.stub()
    async with asyncio.timeout(PATIENCE):
        while (seen := (await other.GetCircuitState(request)).circuit_state).state != pb.CIRCUIT_BREAKER_STATE_OPEN:
            await asyncio.sleep(0.05)
    assert seen.consecutive_failures == 5
    assert abs(seen.last_transition_at.ToDatetime() - own.last_transition_at.ToDatetime()).total_seconds() < 5
    listed = await other.ListCircuitStates(pb.ListCircuitStatesRequest(model_name_filter="delays"))
    assert [(each.version, each.state) for each in listed.circuit_states] == [
        ("1", pb.CIRCUIT_BREAKER_STATE_OPEN),
        ("2", pb.CIRCUIT_BREAKER_STATE_CLOSED),
    ]
    assert not listed.circuit_states[1].HasField("last_transition_at")


async def test_breakers_are_listed_in_pages_and_for_the_own_team(
    start: Start, runtime: StartRuntime, announce: Announce, issuer: Issuer
) -> None:
    one, two = await runtime("1"), await runtime("2")
    inference = await start()
    await announce(one, 1, weight=10_000)
    await announce(two, 1)
    await inference.weights({"1": 10_000, "2": 0})
    stub = inference.stub()
    versions, token = [], ""
    while True:
        pagination = PaginationRequest(page_size=1, page_token=token)
        page = await stub.ListCircuitStates(pb.ListCircuitStatesRequest(pagination=pagination))
        versions += [each.version for each in page.circuit_states]
        token = page.pagination.next_page_token
        if not token:
            break
    assert versions == ["1", "2"]
    stranger = inference.stub(issuer.identity.engineer("beta"))
    assert not (await stranger.ListCircuitStates(pb.ListCircuitStatesRequest())).circuit_states
    for request, error in [
        (pb.GetCircuitStateRequest(version="1"), InvalidArgument),
        (pb.GetCircuitStateRequest(model_name="delays"), InvalidArgument),
        (pb.GetCircuitStateRequest(model_name="delays", version="9"), NotFound),
    ]:
        with pytest.raises(error):
            await stub.GetCircuitState(request)
    with pytest.raises(NotFound):
        await stranger.GetCircuitState(pb.GetCircuitStateRequest(model_name="delays", version="1"))


async def test_a_deleted_route_answers_nobody_until_a_split_is_set(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask, issuer: Issuer, tmp_path: Any
) -> None:
    one = await runtime("1")
    first, second = await _replicas(start, tmp_path, one, announce=announce)
    stub, other = first.stub(), second.stub()
    with pytest.raises(PermissionDenied):
        await first.stub(issuer.identity.viewer("alpha")).DeleteRoute(pb.DeleteRouteRequest(model_name="delays"))
    request = pb.DeleteRouteRequest(model_name="delays", idempotency_key="once")
    await stub.DeleteRoute(request)
    async with asyncio.timeout(PATIENCE):
        while (await other.ListRoutes(pb.ListRoutesRequest())).routes:
            await asyncio.sleep(0.02)
    for replica in (stub, other):
        with pytest.raises(NotFound) as caught:
            await replica.Predict(ask())
        assert caught.value.reason == "NO_ROUTE"
        with pytest.raises(NotFound):
            await replica.GetRoute(pb.GetRouteRequest(model_name="delays"))
    await stub.DeleteRoute(request)
    with pytest.raises(NotFound):
        await stub.DeleteRoute(pb.DeleteRouteRequest(model_name="delays"))
    target = pb.RouteTarget(version="1", weight_bps=10_000)
    route = (
        await other.UpsertRoute(pb.UpsertRouteRequest(model_name="delays", targets=[target], expected_revision=0))
    ).route
    with pytest.raises(Aborted) as stale:
        await stub.UpsertRoute(pb.UpsertRouteRequest(model_name="delays", targets=[target], expected_revision=0))
    assert stale.value.metadata["revision"] == str(route.revision)
    weights = [pb.TrafficWeight(version="1", weight_bps=10_000)]
    with pytest.raises(Aborted, match="was changed meanwhile"):
        unseen = pb.SetTrafficSplitRequest(model_name="delays", weights=weights, expected_revision=route.revision - 1)
        await stub.SetTrafficSplit(unseen)
    with pytest.raises(Aborted, match="was changed meanwhile"):
        await stub.DeleteRoute(pb.DeleteRouteRequest(model_name="delays", expected_revision=route.revision - 1))
    seen = pb.SetTrafficSplitRequest(model_name="delays", weights=weights, expected_revision=route.revision)
    assert (await stub.SetTrafficSplit(seen)).route.revision > route.revision
    for replica in (first, second):
        await replica.weights({"1": 10_000})
    assert (await stub.Predict(ask())).served_version == "1"


async def test_a_deleted_route_stays_deleted_over_a_restart(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask, tmp_path: Any
) -> None:
    one = await runtime("1")
    first, _ = await _replicas(start, tmp_path, one, announce=announce)
    await first.stub().DeleteRoute(pb.DeleteRouteRequest(model_name="delays"))
    stub = (await start(spool_dir=tmp_path / "third")).stub()
    with pytest.raises(NotFound) as caught:
        await stub.Predict(ask())
    assert caught.value.reason == "NO_ROUTE"
