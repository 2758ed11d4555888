"""Predictions reach a runtime as frames, and one of the release before over gRPC."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from forgepoint.inference.v1 import inference_pb2 as pb
from fp_testkit.patience import PATIENCE

Start = Callable[..., Awaitable[Any]]
Ask = Callable[..., pb.PredictRequest]


@pytest.fixture
async def serving(start: Start, runtime: Start, announce: Start) -> Callable[..., Awaitable[tuple[Any, Any]]]:
    """A runtime that is deployed, and the service that asks it."""

    async def deployed(**how: Any) -> tuple[Any, Any]:
        one, inference = await runtime("1", **how), await start()
        await announce(one, 1, weight=10_000)
        await inference.weights({"1": 10_000})
        return one, inference

    return deployed


async def test_predictions_are_frames_on_a_link(serving, ask: Ask) -> None:
    one, inference = await serving()
    stub = inference.stub()
    for _ in range(3):
        assert (await stub.Predict(ask(), timeout=PATIENCE)).served_version == "1"
    assert one.as_frames == len(one.calls) == 3
    assert {team for team, _ in one.calls} == {"alpha"}


async def test_a_runtime_without_a_link_is_asked_over_grpc(serving, ask: Ask) -> None:
    one, inference = await serving(linked=False)
    stub = inference.stub()
    for _ in range(3):
        assert (await stub.Predict(ask(), timeout=PATIENCE)).served_version == "1"
    assert (one.as_frames, len(one.calls)) == (0, 3)


async def test_a_runtime_that_comes_back_with_a_link_elsewhere_is_found(
    serving, runtime: Start, announce: Start, ask: Ask
) -> None:
    one, inference = await serving()
    await inference.stub().Predict(ask(), timeout=PATIENCE)
    await one.server.stop(0)
    again = await runtime("1", one.address)
    assert (await inference.answer_of_one_that_came_back()).served_version == "1"
    assert again.as_frames == 1
