"""Routes follow deployments and splits, in every replica and over restarts."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import redis.asyncio
from forgepoint.common.v1.common_pb2 import PaginationRequest
from forgepoint.events.v1 import events_pb2
from forgepoint.inference.v1 import inference_pb2 as pb
from forgepoint.pipeline.v1 import pipeline_pb2
from forgepoint.serving.v1 import serving_pb2
from fp_events import Event, NatsBus
from fp_kernel import (
    FailedPrecondition,
    InvalidArgument,
)
from fp_testkit.issuer import Issuer
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import MOMENT

Start = Callable[..., Awaitable[Any]]
Announce = Callable[..., Awaitable[None]]
StartRuntime = Callable[..., Awaitable[Any]]
Ask = Callable[..., pb.PredictRequest]


async def test_traffic_moves_by_the_split_and_every_replica_follows(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask, tmp_path
) -> None:
    one, two = await runtime("1"), await runtime("2")
    first, second = await start(), await start(spool_dir=tmp_path / "second")
    await announce(one, 1, weight=10_000)
    await announce(two, 1)
    for replica in (first, second):
        await replica.weights({"1": 10_000, "2": 0})
    weights = [pb.TrafficWeight(version="2", weight_bps=7_500), pb.TrafficWeight(version="1", weight_bps=2_500)]
    request = pb.SetTrafficSplitRequest(model_name="delays", weights=weights, salt="blue")
    answer = await first.stub().SetTrafficSplit(request)
    assert answer.route.salt == "blue"
    assert {target.version: target.weight_bps for target in answer.route.targets} == {"1": 2_500, "2": 7_500}
    await second.weights({"1": 2_500, "2": 7_500})
    assert (await second.stub().GetRoute(pb.GetRouteRequest(model_name="delays"))).route.salt == "blue"
    stub = second.stub()
    versions = [(await stub.Predict(ask())).served_version for _ in range(200)]
    assert 110 < versions.count("2") < 190
    sticky = {(await stub.Predict(ask(sticky_key="customer"))).served_version for _ in range(20)}
    assert len(sticky) == 1
    assert (await stub.Predict(ask(version_override="1"))).served_version == "1"
    await announce(one, 2, gone=True)
    for replica in (first, second):
        await replica.weights({"2": 10_000})
    with pytest.raises(FailedPrecondition) as caught:
        await stub.Predict(ask(version_override="1"))
    assert caught.value.fields[0].field == "version_override"


async def test_a_bad_split_names_its_field(start: Start, runtime: StartRuntime, announce: Announce) -> None:
    one = await runtime("1")
    inference = await start()
    await announce(one, 1)
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


@pytest.mark.parametrize(
    ("state", "reason", "takes"),
    [
        (serving_pb2.MODEL_STATE_UNLOADED, "", True),
        (serving_pb2.MODEL_STATE_UNLOADED, "MODEL_UNLOADED", False),
        (serving_pb2.MODEL_STATE_FAILED, "QUARANTINED", False),
    ],
)
async def test_traffic_goes_to_a_version_that_made_room_in_its_runtime_and_to_none_that_was_unloaded_for_good(
    start: Start,
    runtime: StartRuntime,
    announce: Announce,
    state: serving_pb2.ModelState.ValueType,
    reason: str,
    *,
    takes: bool,
) -> None:
    one, two = await runtime("1"), await runtime("2")
    inference = await start()
    await announce(one, 1, weight=10_000)
    await announce(two, 1)
    await inference.weights({"1": 10_000, "2": 0})
    two.state, two.reason = state, reason
    weights = [pb.TrafficWeight(version="2", weight_bps=10_000), pb.TrafficWeight(version="1", weight_bps=0)]
    request = pb.SetTrafficSplitRequest(model_name="delays", weights=weights)
    if takes:
        await inference.stub().SetTrafficSplit(request)
    else:
        with pytest.raises(FailedPrecondition, match="does not answer"):
            await inference.stub().SetTrafficSplit(request)


async def test_routes_survive_a_restart_and_come_from_the_pipeline_when_the_store_lost_them(
    start: Start,
    runtime: StartRuntime,
    announce: Announce,
    ask: Ask,
    pipeline,
    bus: NatsBus,
    redis_look_url: str,
) -> None:
    one = await runtime("1")
    first = await start()
    await announce(one, 1)
    await first.weights({"1": 10_000})
    await first.service.stop()
    second = await start()
    assert (await second.stub().Predict(ask())).served_version == "1"
    await second.service.stop()
    async with redis.asyncio.Redis.from_url(redis_look_url) as client:
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


async def test_an_archived_model_serves_again_once_it_is_restored_and_deployed(
    start: Start, runtime: StartRuntime, announce: Announce, ask: Ask, bus: NatsBus
) -> None:
    one = await runtime("1")
    inference = await start()
    stub = inference.stub()
    await announce(one, 1, weight=10_000)
    await inference.weights({"1": 10_000})
    archived = events_pb2.ModelArchived(model_id="m", model_name="delays")
    archived.archived_at.FromDatetime(MOMENT + timedelta(seconds=5))
    await bus.publish([_of_model("archived", archived)])
    await inference.weights({"1": 0})
    with pytest.raises(FailedPrecondition):
        await stub.Predict(ask())
    await announce(one, 2, gone=True)
    restored = events_pb2.ModelRestored(model_id="m", model_name="delays")
    restored.restored_at.FromDatetime(MOMENT + timedelta(seconds=9))
    await bus.publish([_of_model("restored", restored)])
    await announce(one, 3, weight=10_000)  # by a clock that is behind registry's
    await inference.weights({"1": 10_000})
    assert (await stub.Predict(ask())).served_version == "1"
    await inference.service.stop()
    again = await start()  # which hears the archive and the return once more
    await again.weights({"1": 10_000})


def _of_model(kind: str, payload: Any) -> Event:
    return Event(f"fp.models.{kind}", payload, "alpha", "m", "s", source="registry")


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
    async with asyncio.timeout(PATIENCE):
        while len((await stub.ListRoutes(pb.ListRoutesRequest())).routes) < 5:
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
