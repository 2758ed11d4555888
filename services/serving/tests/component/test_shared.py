"""A runtime that several versions of a team share."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import onnx
import pytest
from forgepoint.common.v1.common_pb2 import PaginationRequest
from forgepoint.serving.v1 import serving_pb2 as pb
from forgepoint.serving.v1.serving_pb2_grpc import ModelServingServiceStub
from fp_kernel import FailedPrecondition, InvalidArgument, NotFound
from fp_testkit.issuer import Issuer
from fp_testkit.patience import PATIENCE
from fp_testkit.services import RunningService
from onnx import TensorProto, helper

Start = Callable[..., Awaitable[RunningService]]
ChannelTo = Callable[..., grpc.aio.Channel]
_ALPHA = (("fp-on-behalf-of-team", "alpha"),)
_BETA = (("fp-on-behalf-of-team", "beta"),)
SHARED = {"serving_version_id": "", "serving_model_name": ""}


@pytest.fixture
def scaling(make_model: Callable[..., Path]) -> Callable[[float], bytes]:
    """A model that multiplies by the factor."""

    def make(factor: float) -> bytes:
        path = make_model(
            [helper.make_node("Mul", ["x", "k"], ["y"])],
            [("x", TensorProto.FLOAT, ["rows"])],
            [("y", TensorProto.FLOAT, ["rows"])],
            {"k": np.array(factor, np.float32)},
        )
        return path.read_bytes()

    return make


def _ask(version: str, version_id: str = "") -> pb.PredictRequest:
    tensor = pb.TensorData(shape=[1], dtype=pb.DATA_TYPE_FLOAT32, data=struct.pack("<f", 1.0))
    return pb.PredictRequest(model_name="delays", version=version, version_id=version_id, inputs={"x": tensor})


async def _predict(stub: Any, version: str, version_id: str = "") -> float:
    answer = await stub.Predict(_ask(version, version_id), metadata=_ALPHA)
    assert answer.model_version == version
    (value,) = struct.unpack("<f", answer.outputs["y"].data)
    return float(value)


async def _settled(stub: Any, version: str) -> pb.ModelStatus:
    request = pb.GetModelStatusRequest(model_name="delays", version=version)
    async with asyncio.timeout(PATIENCE):
        while True:
            status: pb.ModelStatus = (await stub.GetModelStatus(request)).status
            if status.state in {pb.MODEL_STATE_READY, pb.MODEL_STATE_FAILED}:
                return status
            await asyncio.sleep(0.02)


def _load(version: str, version_id: str, **fields: str) -> pb.LoadModelRequest:
    return pb.LoadModelRequest(model_name="delays", version=version, version_id=version_id, **fields)


async def test_versions_are_loaded_beside_those_that_are_served_and_unloaded_after_the_traffic_moved(
    start: Start, channel: ChannelTo, registry_server, scaling, issuer: Issuer
) -> None:
    one, two = registry_server.add("1", scaling(1.0)), registry_server.add("2", scaling(2.0))
    service = await start(**SHARED)
    inference = ModelServingServiceStub(channel(service))
    pipeline = ModelServingServiceStub(channel(service, issuer.identity.service("pipeline")))
    assert await _predict(inference, "1", one) == 1.0
    status = (await pipeline.LoadModel(_load("2", two), metadata=_ALPHA)).status
    assert status.state != pb.MODEL_STATE_FAILED
    status = await _settled(pipeline, "2")
    assert (status.state, status.version_id) == (pb.MODEL_STATE_READY, two)
    assert status.memory_bytes > 0
    assert (await _predict(inference, "1", one), await _predict(inference, "2", two)) == (1.0, 2.0)
    request = pb.UnloadModelRequest(model_name="delays", version="1", version_id=one, reason="superseded")
    status = (await pipeline.UnloadModel(request, metadata=_ALPHA)).status
    assert (status.state, status.message, status.memory_bytes) == (pb.MODEL_STATE_UNLOADED, "superseded", 0)
    assert status.reason == "MODEL_UNLOADED"
    with pytest.raises(FailedPrecondition) as caught:
        await _predict(inference, "1", one)
    assert caught.value.reason == "MODEL_UNLOADED"
    assert await _predict(inference, "2", two) == 2.0
    again = (await pipeline.UnloadModel(request, metadata=_ALPHA)).status
    assert again.state == pb.MODEL_STATE_UNLOADED


async def test_what_is_asked_is_loaded_by_its_id_or_by_its_name_and_described(
    start: Start, channel: ChannelTo, registry_server, scaling
) -> None:
    one, _ = registry_server.add("1", scaling(1.0)), registry_server.add("2", scaling(2.0))
    stub = ModelServingServiceStub(channel(await start(**SHARED)))
    status = (await stub.GetModelStatus(pb.GetModelStatusRequest())).status
    assert (status.state, status.link_port > 0) == (pb.MODEL_STATE_READY, True)
    asked = pb.GetModelInfoRequest(model_name="delays", version="1", version_id=one)
    status = (await stub.GetModelStatus(pb.GetModelStatusRequest(model_name="delays", version="1"))).status
    assert status.state == pb.MODEL_STATE_UNLOADED
    info = (await stub.GetModelInfo(asked, metadata=_ALPHA)).model_info
    assert [spec.name for spec in info.input_schema] == ["x"]
    # As an inference of the release before asks.
    assert await _predict(stub, "2") == 2.0
    assert (await stub.HealthCheck(pb.HealthCheckRequest())).status == pb.HEALTH_STATUS_SERVING
    first = await stub.ListLoadedModels(pb.ListLoadedModelsRequest(pagination=PaginationRequest(page_size=1)))
    token = first.pagination.next_page_token
    rest = await stub.ListLoadedModels(
        pb.ListLoadedModelsRequest(pagination=PaginationRequest(page_size=1, page_token=token))
    )
    assert [each.version for each in (*first.models, *rest.models)] == ["1", "2"]
    assert rest.pagination.next_page_token == ""


async def test_a_model_that_went_to_make_room_answers_again(
    start: Start, channel: ChannelTo, registry_server, scaling
) -> None:
    ids = {label: registry_server.add(label, scaling(float(label))) for label in ("1", "2", "3")}
    # Each of them is larger than the half.
    size = len(scaling(1.0))
    stub = ModelServingServiceStub(channel(await start(**SHARED, serving_models_bytes=size)))
    for label in ("1", "2", "3", "1", "3", "2"):
        assert await _predict(stub, label, ids[label]) == float(label)
    loaded = pb.ListLoadedModelsRequest(state_filter=pb.MODEL_STATE_READY)
    async with asyncio.timeout(PATIENCE):
        while len((await stub.ListLoadedModels(loaded)).models) > 1:
            await asyncio.sleep(0.01)
    assert len((await stub.ListLoadedModels(pb.ListLoadedModelsRequest())).models) == 3


async def test_refusals_name_their_reason(
    start: Start, channel: ChannelTo, registry_server, scaling, issuer: Issuer
) -> None:
    one = registry_server.add("1", scaling(1.0))
    large = registry_server.add("2", b"x" * 5_000)
    service = await start(**SHARED, serving_models_bytes=4_000)
    stub = ModelServingServiceStub(channel(service, issuer.identity.service("pipeline")))
    with pytest.raises(InvalidArgument) as caught:
        await stub.LoadModel(_load("1", one, artifact_uri="s3://elsewhere/model"), metadata=_ALPHA)
    assert caught.value.fields[0].field == "artifact_uri"
    with pytest.raises(InvalidArgument) as caught:
        await stub.LoadModel(pb.LoadModelRequest(model_name="delays", version="1"), metadata=_ALPHA)
    assert caught.value.fields[0].field == "version_id"
    with pytest.raises(NotFound) as wrong:
        await stub.LoadModel(_load("1", one), metadata=_BETA)
    assert wrong.value.reason == "WRONG_RUNTIME"
    await stub.LoadModel(_load("1", one, expected_digest="sha256:" + "0" * 64), metadata=_ALPHA)
    assert (await _settled(stub, "1")).reason == "DIGEST_MISMATCH"
    await stub.LoadModel(_load("1", one), metadata=_ALPHA)
    assert (await _settled(stub, "1")).state == pb.MODEL_STATE_READY
    await stub.LoadModel(_load("2", large), metadata=_ALPHA)
    assert (await _settled(stub, "2")).reason == "MODEL_TOO_LARGE"


async def test_nobody_of_another_team_is_served(start: Start, channel: ChannelTo, registry_server, scaling) -> None:
    one = registry_server.add("1", scaling(1.0))
    stub = ModelServingServiceStub(channel(await start(**SHARED)))
    assert await _predict(stub, "1", one) == 1.0
    with pytest.raises(NotFound) as caught:
        await stub.Predict(_ask("1", one), metadata=_BETA)
    assert caught.value.reason == "WRONG_RUNTIME"


async def test_a_restart_loads_again_what_is_asked_without_the_registry(
    start: Start, channel: ChannelTo, registry_server, scaling
) -> None:
    one = registry_server.add("1", scaling(3.0))
    first = await start(**SHARED)
    assert await _predict(ModelServingServiceStub(channel(first)), "1", one) == 3.0
    await first.stop()
    registry_server.away = 1_000
    assert await _predict(ModelServingServiceStub(channel(await start(**SHARED))), "1", one) == 3.0


async def test_messages_of_one_stream_may_be_for_several_versions(
    start: Start, channel: ChannelTo, registry_server, scaling
) -> None:
    ids = {label: registry_server.add(label, scaling(float(label))) for label in ("1", "2")}
    stub = ModelServingServiceStub(channel(await start(**SHARED)))

    async def asked() -> Any:
        for label in ("1", "2", "9"):
            one = _ask(label)
            yield pb.StreamPredictRequest(
                inputs=one.inputs,
                idempotency_key=label,
                model_name="delays",
                version=label,
                version_id=ids.get(label, ""),
            )

    answers = {each.idempotency_key: each async for each in stub.StreamPredict(asked(), metadata=_ALPHA)}
    assert struct.unpack("<f", answers["2"].outputs["y"].data) == (2.0,)
    assert struct.unpack("<f", answers["1"].outputs["y"].data) == (1.0,)
    assert answers["9"].error.code == "NOT_FOUND"


def test_a_shared_runtime_is_no_half_of_another(settings) -> None:
    with pytest.raises(ValueError, match="go together"):
        type(settings)(**{**settings.model_dump(), "serving_model_name": ""})


def test_the_models_of_these_tests_differ(scaling) -> None:
    assert onnx.load_from_string(scaling(1.0)) != onnx.load_from_string(scaling(2.0))


async def test_a_repeated_question_says_that_its_answer_was_kept_and_is_counted(
    start: Start, channel: ChannelTo, registry_server, scaling
) -> None:
    ids = {label: registry_server.add(label, scaling(float(label))) for label in ("1", "2")}
    stub = ModelServingServiceStub(channel(await start(**SHARED, serving_result_cache_bytes=100_000)))
    found = []
    for label in ("1", "1", "2", "2"):
        answer = await stub.Predict(_ask(label, ids[label]), metadata=_ALPHA)
        found.append((struct.unpack("<f", answer.outputs["y"].data)[0], answer.from_cache))
    assert found == [(1.0, False), (1.0, True), (2.0, False), (2.0, True)]
    assert (await stub.GetServingMetrics(pb.GetServingMetricsRequest())).metrics.total_requests == 4
