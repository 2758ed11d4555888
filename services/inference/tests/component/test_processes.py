"""Inference and serving as processes that are killed."""

import asyncio
import hashlib
import os
import random
import signal
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import onnx
import pytest
from forgepoint.events.v1 import events_pb2
from forgepoint.inference.v1 import inference_pb2 as pb
from forgepoint.inference.v1.inference_pb2_grpc import InferenceGatewayServiceStub
from forgepoint.registry.v1 import registry_pb2
from forgepoint.registry.v1.registry_pb2_grpc import RegistryServiceServicer, add_RegistryServiceServicer_to_server
from fp_events import Consumer, Event, NatsBus, each
from fp_events.payloads.predictions import opened
from fp_inference.app.predict_many import PARALLEL
from fp_kernel import DeadlineExceeded, Error, NotFound, Unavailable
from fp_rpc import BearerToken, Channels, Server
from fp_telemetry import Metrics
from fp_testkit.buckets import Bucket
from fp_testkit.issuer import SERVICE_SECRET, Issuer
from fp_testkit.patience import PATIENCE
from fp_testkit.ports import free_port
from onnx import TensorProto, helper, numpy_helper

_COUNTER = Consumer("counter", ("fp.inference.recorded", "fp.inference.completed", "fp.inference.failed"))
_VERSION_ID = "0190a000-0000-7000-8000-000000000001"
_PASSING = (Unavailable, DeadlineExceeded, NotFound)
Ask = Callable[..., pb.PredictRequest]
Context = grpc.aio.ServicerContext[Any, Any]


@dataclass
class Program:
    """A module run as a process, on the same ports each time it is started."""

    module: str
    environment: dict[str, str]
    log: Path
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", self.module], env=self.environment, stderr=log)

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def program(issuer: Issuer, tmp_path: Path) -> Iterator[Callable[..., Program]]:
    made: list[Program] = []

    def make(module: str, **settings: str) -> Program:
        common = {
            "FP_BIND_HOST": "127.0.0.1",
            "FP_GRPC_PORT": str(free_port()),
            "FP_HTTP_PORT": str(free_port()),
            "FP_AUTH_ISSUER": issuer.url,
            "FP_AUTH_ADDR": issuer.address,
            "FP_SERVICE_SECRET": SERVICE_SECRET,
            "FP_ENV": "dev",
        }
        environment = {"PATH": os.environ["PATH"], **common, **settings}
        made.append(Program(module, environment, tmp_path / f"{module}.log"))
        made[-1].start()
        return made[-1]

    yield make
    for each_program in made:
        each_program.kill()


@pytest.fixture
def inference(program: Callable[..., Program], pipeline: Any, nats_url: str, redis_url: str, tmp_path: Path) -> Program:
    return program(
        "fp_inference",
        FP_PIPELINE_ADDR=pipeline.address,
        FP_NATS_URL=nats_url,
        FP_REDIS_URL=redis_url,
        FP_REDIS_TIMEOUT=str(PATIENCE),
        FP_SPOOL_DIR=str(tmp_path / "spool"),
        FP_RATE_LIMITS="default=5000/10000",
    )


@pytest.fixture
async def stub(inference: Program, issuer: Issuer) -> AsyncIterator[Any]:
    channels = Channels(BearerToken(issuer.identity.engineer("alpha")))
    # Short, because what hangs with a killed process is asked again.
    yield InferenceGatewayServiceStub(channels.open(f"127.0.0.1:{inference.environment['FP_GRPC_PORT']}", timeout=5.0))
    await channels.close()


@pytest.fixture
async def completed(bus: NatsBus) -> AsyncIterator["Counter[str]"]:
    """How often a consumer received each completed request."""
    seen: Counter[str] = Counter()

    async def take(event: Event) -> None:
        for request in opened(event):
            if isinstance(request.payload, events_pb2.InferenceCompleted):
                seen[request.payload.request_id] += 1

    await bus.ensure((), (_COUNTER,))
    async with asyncio.TaskGroup() as group:
        consuming = group.create_task(bus.consume(_COUNTER, each(take)))
        yield seen
        consuming.cancel()


async def _persistently(stub: Any, request: Any, rpc: str = "Predict") -> Any:
    """As a client does: again with the same key, until it is answered."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await getattr(stub, rpc)(request)
            except _PASSING:
                await asyncio.sleep(0.05)


async def test_no_prediction_lacks_its_event_when_inference_is_killed(
    inference: Program, stub: Any, runtime: Any, announce: Any, ask: Ask, completed: "Counter[str]"
) -> None:
    await announce(await runtime("1"), 1, weight=10_000)
    answers: dict[str, pb.PredictResponse] = {}
    await _persistently(stub, ask(idempotency_key="first"))

    async def client(name: str) -> None:
        for number in range(40):
            key = f"{name}-{number}"
            answers[key] = await _persistently(stub, ask(idempotency_key=key))

    async def killer() -> None:
        for share in (30, 80):
            while len(answers) < share + random.Random(share).randrange(20):  # noqa: S311 -- a moment, no secret
                await asyncio.sleep(0.002)
            await asyncio.to_thread(inference.kill)
            inference.start()

    async with asyncio.TaskGroup() as group:
        for name in "abcd":
            group.create_task(client(name))
        group.create_task(killer())
    requests = {answer.request_id for answer in answers.values()}
    assert len(requests) == 160
    async with asyncio.timeout(PATIENCE):
        while not requests <= completed.keys():
            await asyncio.sleep(0.02)
    # The event of a prediction is one event however often it was told: no request has two ids.
    assert len(completed) == 161
    repeated = await _persistently(stub, ask(idempotency_key="a-0"))
    assert repeated == answers["a-0"]


async def test_a_retry_of_a_batch_cut_off_by_a_kill_computes_what_is_missing(
    inference: Program, stub: Any, runtime: Any, announce: Any, ask: Ask, completed: "Counter[str]"
) -> None:
    one = await runtime("1")
    await announce(one, 1, weight=10_000)
    await _persistently(stub, ask(idempotency_key="first"))
    items = [pb.BatchPredictItem(item_id=str(number), inputs=ask((number, 1.0)).inputs) for number in range(250)]
    batch = pb.BatchPredictRequest(model_name="delays", items=items, idempotency_key="batch")

    async def killer() -> None:
        while len(one.calls) < 100:
            await asyncio.sleep(0.001)
        await asyncio.to_thread(inference.kill)
        inference.start()

    async with asyncio.TaskGroup() as group:
        group.create_task(killer())
        answered = group.create_task(_persistently(stub, batch, "BatchPredict"))
    answer = answered.result()
    assert [result.item_id for result in answer.results] == [item.item_id for item in items]
    # Twice only those that were under way when it was killed.
    assert len(one.calls) <= 1 + len(items) + PARALLEL
    async with asyncio.timeout(PATIENCE):
        while len(completed) < 1 + len(items):
            await asyncio.sleep(0.02)
    assert {f"{answer.request_id}/{item.item_id}" for item in items} < completed.keys()
    assert (await stub.BatchPredict(batch)) == answer


@dataclass
class OneVersion(RegistryServiceServicer):
    """A registry with one version, whose artifact lies in a bucket."""

    bucket: Bucket
    artifact: bytes

    async def GetVersion(
        self, request: registry_pb2.GetVersionRequest, context: Context
    ) -> registry_pb2.GetVersionResponse:
        version = registry_pb2.ModelVersion(
            id=_VERSION_ID,
            model_id="m",
            version="1",
            artifact_digest=f"sha256:{hashlib.sha256(self.artifact).hexdigest()}",
            size_bytes=len(self.artifact),
            status=registry_pb2.VERSION_STATUS_READY,
        )
        return registry_pb2.GetVersionResponse(version=version)

    async def GetDownloadURL(
        self, request: registry_pb2.GetDownloadURLRequest, context: Context
    ) -> registry_pb2.GetDownloadURLResponse:
        url = self.bucket.client().presigned_get_object(self.bucket.name, "artifact")
        return registry_pb2.GetDownloadURLResponse(download_url=url)


@pytest.fixture
async def registry(issuer: Issuer, s3: Bucket, tmp_path: Path) -> AsyncIterator[str]:
    artifact = _model()
    (tmp_path / "artifact").write_bytes(artifact)
    s3.client().fput_object(s3.name, "artifact", str(tmp_path / "artifact"))
    server = Server("registry", resolver=issuer.identity.resolver(), metrics=Metrics("registry"))
    server.add(add_RegistryServiceServicer_to_server, OneVersion(s3, artifact))
    yield f"127.0.0.1:{await server.start('127.0.0.1:0')}"
    await server.stop(0)


def _model() -> bytes:
    """probabilities = features * [0.1, 0.5]."""
    graph = helper.make_graph(
        [helper.make_node("Mul", ["features", "w"], ["probabilities"])],
        "model",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", 2])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["rows", 2])],
        [numpy_helper.from_array(np.array([[0.1, 0.5]], np.float32), "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    onnx.checker.check_model(model)
    return content


@dataclass
class Deployed:
    """What the pipeline's event needs of a target."""

    version: str
    address: str


async def test_a_prediction_passes_both_services_and_outlives_a_killed_runtime(
    inference: Program,
    stub: Any,
    program: Callable[..., Program],
    registry: str,
    announce: Any,
    ask: Ask,
    tmp_path: Path,
) -> None:
    serving = program(
        "fp_serving",
        FP_REGISTRY_ADDR=registry,
        FP_SERVING_TEAM="alpha",
        FP_SERVING_VERSION_ID=_VERSION_ID,
        FP_SERVING_MODEL_NAME="delays",
        FP_SERVING_CACHE_DIR=str(tmp_path / "cache"),
    )
    deployed = Deployed("1", f"127.0.0.1:{serving.environment['FP_GRPC_PORT']}")
    await announce(deployed, 1, version_id=_VERSION_ID, weight=10_000)
    answer = await _persistently(stub, ask((1.0, 1.0)))
    assert struct.unpack("<2f", answer.outputs["probabilities"].data) == pytest.approx((0.1, 0.5))
    await asyncio.to_thread(serving.kill)
    with pytest.raises(Error):
        await stub.Predict(ask((1.0, 1.0)), timeout=1.0)
    serving.start()
    answer = await _persistently(stub, ask((2.0, 1.0)))
    assert struct.unpack("<2f", answer.outputs["probabilities"].data) == pytest.approx((0.2, 0.5))
    bad = ask((1.0, 1.0))
    bad.inputs["other"].CopyFrom(bad.inputs["features"])
    with pytest.raises(Error) as caught:
        await stub.Predict(bad, timeout=PATIENCE)
    assert caught.value.fields[0].field == "inputs[other]"
