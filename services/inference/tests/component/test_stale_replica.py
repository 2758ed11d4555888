"""A replica that has not been told of a deployment yet, beside one that has."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from forgepoint.inference.v1 import inference_pb2 as pb
from forgepoint.pipeline.v1 import pipeline_pb2
from fp_kernel import FailedPrecondition, NotFound, Unavailable
from fp_testkit.patience import PATIENCE
from fp_testkit.ports import free_port
from pydantic import SecretStr

Start = Callable[..., Awaitable[Any]]
Announce = Callable[..., Awaitable[None]]
StartRuntime = Callable[..., Awaitable[Any]]
Ask = Callable[..., pb.PredictRequest]


def _listed(runtime: Any, sequence: int) -> pipeline_pb2.Deployment:
    return pipeline_pb2.Deployment(
        team="alpha",
        model_id="m",
        model_name="delays",
        version_id=f"id-{runtime.version}",
        version=runtime.version,
        endpoint=runtime.address,
        sequence=sequence,
    )


@pytest.fixture
async def stale(start: Start, pipeline: Any, tmp_path: Path) -> Any:
    """A second replica whose bus is away: no event reaches it, only splits through Redis."""
    pipeline.deployments = []
    replica = await start(nats_url=SecretStr(f"nats://127.0.0.1:{free_port()}"), spool_dir=tmp_path / "stale")
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await replica.stub().GetRoute(pb.GetRouteRequest(model_name="delays"))
            except NotFound:
                return replica
            except Unavailable:
                await asyncio.sleep(0.02)


async def test_a_replica_that_was_not_told_of_a_deployment_answers_for_it(
    stale: Any, start: Start, runtime: StartRuntime, announce: Announce, ask: Ask, pipeline: Any
) -> None:
    one = await runtime("1")
    first = await start()
    pipeline.deployments = [_listed(one, 1)]
    await announce(one, 1)
    await first.weights({"1": 10_000})
    assert (await stale.stub().Predict(ask())).served_version == "1"


async def test_a_version_that_is_named_is_looked_for_before_it_is_refused(
    stale: Any, runtime: StartRuntime, ask: Ask, pipeline: Any
) -> None:
    one, two = await runtime("1"), await runtime("2")
    pipeline.deployments = [_listed(one, 1)]
    assert (await stale.stub().Predict(ask())).served_version == "1"
    with pytest.raises(FailedPrecondition):
        await stale.stub().Predict(ask(version_override="2"))
    pipeline.deployments = [_listed(one, 1), _listed(two, 1)]
    assert (await stale.stub().Predict(ask(version_override="2"))).served_version == "2"


async def test_a_split_that_names_an_unknown_version_is_followed(
    stale: Any, start: Start, runtime: StartRuntime, announce: Announce, ask: Ask, pipeline: Any
) -> None:
    one, two = await runtime("1"), await runtime("2")
    first = await start()
    pipeline.deployments = [_listed(one, 1)]
    await announce(one, 1)
    await first.weights({"1": 10_000})
    assert (await stale.stub().Predict(ask())).served_version == "1"
    pipeline.deployments = [_listed(one, 1), _listed(two, 1)]
    await announce(two, 1)
    await first.weights({"1": 10_000, "2": 0})
    weights = [pb.TrafficWeight(version="2", weight_bps=10_000), pb.TrafficWeight(version="1", weight_bps=0)]
    await first.stub().SetTrafficSplit(pb.SetTrafficSplitRequest(model_name="delays", weights=weights))
    await stale.weights({"1": 0, "2": 10_000})
    assert (await stale.stub().Predict(ask())).served_version == "2"


async def test_a_model_that_the_pipeline_does_not_list_is_refused(stale: Any, ask: Ask, pipeline: Any) -> None:
    with pytest.raises(NotFound):
        await stale.stub().Predict(ask())
    pipeline.deployments = None
    with pytest.raises(NotFound):
        await stale.stub().Predict(ask())
