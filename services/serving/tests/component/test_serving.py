"""The runtime as inference and pipeline see it."""

import asyncio
import struct
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from forgepoint.common.v1.common_pb2 import PaginationRequest
from forgepoint.serving.v1 import serving_pb2 as pb
from forgepoint.serving.v1.serving_pb2_grpc import ModelServingServiceStub
from fp_kernel import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from fp_testkit.issuer import Issuer
from fp_testkit.patience import PATIENCE
from fp_testkit.services import RunningService

Start = Callable[..., Awaitable[RunningService]]
ChannelTo = Callable[..., grpc.aio.Channel]
OWN_TEAM = (("fp-on-behalf-of-team", "alpha"),)


async def _settled(stub: ModelServingServiceStub) -> pb.ModelStatus:
    """The status once the model is READY or FAILED."""
    async with asyncio.timeout(PATIENCE):
        while True:
            status = (await stub.GetModelStatus(pb.GetModelStatusRequest(model_name="delays"))).status
            if status.state in {pb.MODEL_STATE_READY, pb.MODEL_STATE_FAILED}:
                return status
            await asyncio.sleep(0.02)


def _ask(*values: float, shape: tuple[int, ...] = (1, 2), version: str = "3", name: str = "x") -> pb.PredictRequest:
    tensor = pb.TensorData(shape=shape, dtype=pb.DATA_TYPE_FLOAT32, data=struct.pack(f"<{len(values)}f", *values))
    return pb.PredictRequest(model_name="delays", version=version, inputs={name: tensor}, correlation_id="c")


async def _predict(stub: Any, request: pb.PredictRequest) -> pb.PredictResponse:
    """As inference does: for the team whose model it is."""
    answer: pb.PredictResponse = await stub.Predict(request, metadata=OWN_TEAM)
    return answer


async def _ready(service: RunningService) -> int:
    def get() -> int:
        try:
            with urllib.request.urlopen(f"{service.http_url}/readyz") as response:  # noqa: S310 -- our own
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    return await asyncio.to_thread(get)


async def test_a_version_is_fetched_loaded_and_answers(
    start: Start, channel: ChannelTo, registry_server, linear_model: Path
) -> None:
    registry_server.put_file(linear_model)
    stub = ModelServingServiceStub(channel(await start()))
    status = await _settled(stub)
    assert (status.state, status.version, status.message) == (pb.MODEL_STATE_READY, "3", "")
    answer = await _predict(stub, _ask(1.0, 1.0, 0.0, 2.0, shape=(2, 2)))
    assert struct.unpack("<2f", answer.outputs["y"].data) == (5.0, 6.0)
    assert list(answer.outputs["y"].shape) == [2, 1]
    assert (answer.model_version, answer.correlation_id) == ("3", "c")
    info = (await stub.GetModelInfo(pb.GetModelInfoRequest(), metadata=OWN_TEAM)).model_info
    assert [(spec.name, list(spec.shape), spec.dtype) for spec in info.input_schema] == [
        ("x", [-1, 2], pb.DATA_TYPE_FLOAT32)
    ]
    assert info.artifact_digest == registry_server.digest
    health = await stub.HealthCheck(pb.HealthCheckRequest())
    assert health.status == pb.HEALTH_STATUS_SERVING
    assert health.last_inference_latency.ToNanoseconds() > 0
    metrics = (await stub.GetServingMetrics(pb.GetServingMetricsRequest())).metrics
    assert (metrics.total_requests, metrics.failed_requests, metrics.inflight_requests) == (1, 0, 0)
    assert metrics.model_memory_bytes > 0
    models = (await stub.ListLoadedModels(pb.ListLoadedModelsRequest(pagination=PaginationRequest()))).models
    assert [model.model_name for model in models] == ["delays"]
    assert set(registry_server.teams) == {"alpha"}


async def test_readiness_is_that_of_the_model(
    start: Start, channel: ChannelTo, registry_server, linear_model: Path
) -> None:
    registry_server.put_file(linear_model)
    service = await start()
    await _settled(ModelServingServiceStub(channel(service)))
    async with asyncio.timeout(PATIENCE):
        while await _ready(service) != 200:
            await asyncio.sleep(0.1)


async def test_it_waits_for_a_registry_that_is_away_and_says_so(
    start: Start, channel: ChannelTo, registry_server, linear_model: Path
) -> None:
    registry_server.put_file(linear_model)
    registry_server.away = 1_000
    service = await start()
    stub = ModelServingServiceStub(channel(service))
    async with asyncio.timeout(PATIENCE):
        while not registry_server.teams:
            await asyncio.sleep(0.01)
    status = (await stub.GetModelStatus(pb.GetModelStatusRequest())).status
    assert status.state == pb.MODEL_STATE_DOWNLOADING
    assert await _ready(service) == 503
    with pytest.raises(Unavailable) as caught:
        await _predict(stub, _ask(1.0, 1.0))
    assert caught.value.reason == "MODEL_NOT_READY"
    registry_server.away = 0
    assert (await _settled(stub)).state == pb.MODEL_STATE_READY


@pytest.mark.parametrize(
    ("artifact", "digest", "says"),
    [(b"no model", "", "not a model that can be loaded"), (b"x", "sha256:" + "0" * 64, "the registry says")],
)
async def test_what_cannot_be_served_is_failed_with_the_reason_and_the_process_stays(
    start: Start, channel: ChannelTo, registry_server, artifact: bytes, digest: str, says: str
) -> None:
    registry_server.put(artifact, digest=digest)
    service = await start()
    stub = ModelServingServiceStub(channel(service))
    status = await _settled(stub)
    assert status.state == pb.MODEL_STATE_FAILED
    assert says in status.message
    with pytest.raises(FailedPrecondition, match=says):
        await _predict(stub, _ask(1.0, 1.0))
    assert (await stub.HealthCheck(pb.HealthCheckRequest())).model_state == pb.MODEL_STATE_FAILED
    assert await _ready(service) == 503


async def test_a_version_that_the_registry_does_not_know_is_failed(
    start: Start, channel: ChannelTo, registry_server
) -> None:
    service = await start(serving_version_id="0190a000-0000-7000-8000-00000000dead")
    status = await _settled(ModelServingServiceStub(channel(service)))
    assert (status.state, status.message) == (pb.MODEL_STATE_FAILED, "no such version")


async def test_a_restart_needs_neither_registry_nor_object_store(
    start: Start, channel: ChannelTo, registry_server, linear_model: Path
) -> None:
    registry_server.put_file(linear_model)
    first = await start()
    await _settled(ModelServingServiceStub(channel(first)))
    await first.stop()
    registry_server.away = 1_000
    again = ModelServingServiceStub(channel(await start()))
    assert (await _settled(again)).state == pb.MODEL_STATE_READY
    assert struct.unpack("<f", (await _predict(again, _ask(1.0, 1.0))).outputs["y"].data) == (5.0,)


async def test_bad_tensors_name_their_field_and_hurt_nobody(
    start: Start, channel: ChannelTo, registry_server, linear_model: Path
) -> None:
    registry_server.put_file(linear_model)
    stub = ModelServingServiceStub(channel(await start()))
    await _settled(stub)
    untyped = _ask(1.0, 1.0)
    untyped.inputs["x"].dtype = pb.DATA_TYPE_UNSPECIFIED
    for request, field in [
        (_ask(1.0), "inputs[x].data"),
        (_ask(1.0, 1.0, shape=(2,)), "inputs[x].shape"),
        (_ask(1.0, 1.0, 1.0, shape=(1, 3)), "inputs[x].shape"),
        (_ask(1.0, 1.0, name="z"), "inputs[z]"),
        (pb.PredictRequest(), "inputs[x]"),
        (untyped, "inputs[x].dtype"),
    ]:
        with pytest.raises(InvalidArgument) as caught:
            await _predict(stub, request)
        assert caught.value.fields[0].field == field
    assert (await _predict(stub, _ask(1.0, 1.0))).outputs["y"].shape == [1, 1]


async def test_concurrent_callers_get_their_own_answers(
    start: Start, channel: ChannelTo, registry_server, linear_model: Path
) -> None:
    registry_server.put_file(linear_model)
    stub = ModelServingServiceStub(channel(await start(serving_max_delay_micros=2_000)))
    await _settled(stub)

    async def one(number: int) -> None:
        answer = await _predict(stub, _ask(float(number), 1.0))
        assert struct.unpack("<f", answer.outputs["y"].data) == (2.0 * number + 3.0,)

    async with asyncio.TaskGroup() as group:
        for number in range(100):
            group.create_task(one(number))


async def test_a_request_for_another_model_version_or_team_is_refused(
    start: Start, channel: ChannelTo, registry_server, linear_model: Path, issuer: Issuer
) -> None:
    registry_server.put_file(linear_model)
    stub = ModelServingServiceStub(channel(await start()))
    await _settled(stub)
    other_team = (("fp-on-behalf-of-team", "beta"),)
    with pytest.raises(NotFound) as caught:
        await stub.Predict(_ask(1.0, 1.0), metadata=other_team)
    assert caught.value.reason == "WRONG_RUNTIME"
    with pytest.raises(NotFound):
        await _predict(stub, _ask(1.0, 1.0, version="4"))
    with pytest.raises(InvalidArgument, match="fp-on-behalf-of-team"):
        await stub.Predict(_ask(1.0, 1.0))
    await _predict(stub, _ask(1.0, 1.0))


async def test_only_services_may_call(start: Start, channel: ChannelTo, registry_server, issuer: Issuer) -> None:
    registry_server.put(b"x")
    service = await start()
    person = ModelServingServiceStub(channel(service, issuer.identity.admin("alpha")))
    with pytest.raises(PermissionDenied):
        await person.Predict(_ask(1.0, 1.0))
    stranger = ModelServingServiceStub(channel(service, "forged"))
    with pytest.raises(Unauthenticated):
        await stranger.GetModelStatus(pb.GetModelStatusRequest())
