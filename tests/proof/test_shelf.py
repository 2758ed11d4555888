"""Five hundred small models of a team in one process: each answers as ONNX Runtime alone does, with room for all of
them and with room for a fifth; after `kill -9` they are loaded again as they are asked. Memory and loads are printed.
"""

import asyncio
import hashlib
import io
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import onnxruntime
import psutil
import pytest
from forgepoint.common.v1.common_pb2 import PaginationRequest
from forgepoint.registry.v1 import registry_pb2
from forgepoint.registry.v1.registry_pb2_grpc import RegistryServiceServicer, add_RegistryServiceServicer_to_server
from forgepoint.serving.v1 import serving_pb2 as pb
from forgepoint.serving.v1.serving_pb2_grpc import ModelServingServiceStub
from fp_kernel import NotFound, Unavailable
from fp_rpc import BearerToken, Channels, Server
from fp_rpc.tensors import TensorForm
from fp_serving.domain.arrays import decode, encode
from fp_telemetry import Metrics
from fp_testkit.buckets import Bucket
from fp_testkit.issuer import SERVICE_SECRET, Issuer
from fp_testkit.patience import PATIENCE
from fp_testkit.ports import free_port
from onnx import TensorProto, helper, numpy_helper

pytestmark = pytest.mark.proof
MODELS, FEATURES, WIDTH = 500, 12, 64
# Asked again after a kill, and twice where there is room for a fifth of them.
AGAIN = 100
MEBIBYTE = 1024 * 1024
NODE = 4096 * MEBIBYTE
FORM = TensorForm(pb.TensorData, pb.TensorSpec, pb.DataType)
Context = grpc.aio.ServicerContext[Any, Any]


def _model(number: int) -> bytes:
    """A small network, other weights for each number: about 8 KiB."""
    chance = np.random.default_rng(number)
    weights = {
        "w1": chance.normal(size=(FEATURES, WIDTH)).astype(np.float32),
        "b1": chance.normal(size=WIDTH).astype(np.float32),
        "w2": chance.normal(size=(WIDTH, 16)).astype(np.float32),
        "w3": chance.normal(size=(16, 1)).astype(np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["h1"]),
        helper.make_node("Add", ["h1", "b1"], ["h2"]),
        helper.make_node("Relu", ["h2"], ["h3"]),
        helper.make_node("MatMul", ["h3", "w2"], ["h4"]),
        helper.make_node("Tanh", ["h4"], ["h5"]),
        helper.make_node("MatMul", ["h5", "w3"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", FEATURES])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 1])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    content: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()
    return content


@dataclass
class Shelf(RegistryServiceServicer):
    """A registry with a version of each model; artifacts lie in a bucket. wanted: what each answers alone."""

    bucket: Bucket
    versions: dict[str, registry_pb2.ModelVersion] = field(default_factory=dict)
    wanted: dict[int, np.ndarray[Any, Any]] = field(default_factory=dict)
    bytes: int = 0

    def put(self, number: int, row: np.ndarray[Any, Any]) -> None:
        content = _model(number)
        version = registry_pb2.ModelVersion(
            id=version_id(number),
            model_id=f"m-{number}",
            version="1",
            artifact_digest=f"sha256:{hashlib.sha256(content).hexdigest()}",
            size_bytes=len(content),
            status=registry_pb2.VERSION_STATUS_READY,
        )
        self.bucket.client().put_object(self.bucket.name, version.id, io.BytesIO(content), len(content))
        self.versions[version.id] = version
        self.bytes += len(content)
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        self.wanted[number] = session.run(None, {"x": row})[0]

    async def GetVersion(
        self, request: registry_pb2.GetVersionRequest, context: Context
    ) -> registry_pb2.GetVersionResponse:
        if request.id not in self.versions:
            raise NotFound("no such version")
        return registry_pb2.GetVersionResponse(version=self.versions[request.id])

    async def GetDownloadURL(
        self, request: registry_pb2.GetDownloadURLRequest, context: Context
    ) -> registry_pb2.GetDownloadURLResponse:
        url = self.bucket.client().presigned_get_object(self.bucket.name, request.version_id, timedelta(minutes=5))
        return registry_pb2.GetDownloadURLResponse(download_url=url)


def version_id(number: int) -> str:
    return f"0190a000-0000-7000-8000-{number:012d}"


ROW = np.linspace(-1.0, 1.0, FEATURES, dtype=np.float32).reshape(1, FEATURES)


@pytest.fixture
async def shelf(issuer: Issuer, s3: Bucket) -> AsyncIterator[tuple[Shelf, str]]:
    shelf = Shelf(s3)
    for number in range(MODELS):
        await asyncio.to_thread(shelf.put, number, ROW)
    server = Server("registry", resolver=issuer.identity.resolver(), metrics=Metrics("registry"))
    server.add(add_RegistryServiceServicer_to_server, shelf)
    address = f"127.0.0.1:{await server.start('127.0.0.1:0')}"
    server.set_serving(True)
    yield shelf, address
    await server.stop(0)


@dataclass
class Runtime:
    """A shared runtime as a process."""

    environment: dict[str, str]
    log: Path
    process: psutil.Popen = field(init=False)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.environment['FP_GRPC_PORT']}"

    def memory(self) -> tuple[int, int]:
        """Resident and proportional bytes."""
        found = self.process.memory_full_info()
        return found.rss, found.pss

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = psutil.Popen([sys.executable, "-m", "fp_serving"], env=self.environment, stderr=log)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def runtime(issuer: Issuer, shelf: tuple[Shelf, str], tmp_path: Path) -> Iterator[Callable[..., Runtime]]:
    made: list[Runtime] = []

    def make(**settings: str) -> Runtime:
        environment = {
            "PATH": os.environ["PATH"],
            "FP_BIND_HOST": "127.0.0.1",
            "FP_GRPC_PORT": str(free_port()),
            "FP_HTTP_PORT": str(free_port()),
            "FP_AUTH_ISSUER": issuer.url,
            "FP_AUTH_ADDR": issuer.address,
            "FP_REGISTRY_ADDR": shelf[1],
            "FP_SERVICE_SECRET": SERVICE_SECRET,
            "FP_ENV": "dev",
            "FP_SERVING_TEAM": "alpha",
            "FP_SERVING_CACHE_DIR": str(tmp_path / "cache"),
            "MALLOC_ARENA_MAX": "1",  # as the supervisor sets it
            **settings,
        }
        made.append(Runtime(environment, tmp_path / "serving.log"))
        made[-1].start()
        return made[-1]

    yield make
    for each in made:
        if each.process.poll() is None:
            each.kill()


async def _ask(stub: Any, number: int) -> tuple[np.ndarray[Any, Any], float]:
    """The answer, and the seconds that it took."""
    request = pb.PredictRequest(
        model_name=f"small-{number}",
        version="1",
        version_id=version_id(number),
        inputs={"x": FORM.all_to_pb({"x": encode(ROW)})["x"]},
    )
    begun = time.perf_counter()
    answer = await stub.Predict(request, metadata=(("fp-on-behalf-of-team", "alpha"),))
    seconds = time.perf_counter() - begun
    return decode(FORM.all_from_pb(answer.outputs)["y"], "y"), seconds


async def _round(stub: Any, shelf: Shelf, numbers: list[int]) -> list[float]:
    """Asks each of them and compares. Seconds of each."""
    seconds = []
    for number in numbers:
        answer, took = await _ask(stub, number)
        assert np.array_equal(answer, shelf.wanted[number]), number
        seconds.append(took)
    return seconds


async def _up(stub: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await _answers(stub):
            await asyncio.sleep(0.05)


async def _answers(stub: Any) -> bool:
    try:
        await stub.HealthCheck(pb.HealthCheckRequest())
    except Unavailable:
        return False
    return True


def _say(what: str, seconds: list[float], runtime: Runtime) -> None:
    p50, p99 = (float(np.quantile(seconds, share)) * 1000 for share in (0.5, 0.99))
    rss, pss = (size / MEBIBYTE for size in runtime.memory())
    print(f"{what:34}{len(seconds):6} p50 {p50:8.1f} ms, p99 {p99:8.1f} ms; RSS {rss:6.0f} MiB, PSS {pss:6.0f} MiB")


async def test_five_hundred_small_models_fit_one_process_and_answer_as_the_runtime_alone(
    issuer: Issuer, shelf: tuple[Shelf, str], runtime: Callable[..., Runtime]
) -> None:
    models, _ = shelf
    own = runtime()
    order = np.random.default_rng(7).permutation(MODELS).tolist()
    channels = Channels(BearerToken(issuer.identity.service("inference")))
    stub = ModelServingServiceStub(channels.open(own.address, timeout=PATIENCE))
    await _up(stub)
    print(f"\n{MODELS} artifacts, {models.bytes / MEBIBYTE:.1f} MiB; load {os.getloadavg()[0]:.0f}")
    print(f"empty: RSS {own.memory()[0] / MEBIBYTE:.0f} MiB, PSS {own.memory()[1] / MEBIBYTE:.0f} MiB")
    _say("first time, fetched", await _round(stub, models, order), own)
    _say("loaded", await _round(stub, models, order), own)
    full = own.memory()[0]
    accounted = (await stub.GetServingMetrics(pb.GetServingMetricsRequest())).metrics.model_memory_bytes
    print(f"accounted: {accounted / MEBIBYTE:.0f} MiB of models")
    own.kill()
    own.start()
    await _up(stub)
    _say("after kill -9, from the cache", await _round(stub, models, order[:AGAIN]), own)
    own.kill()
    small = runtime(FP_SERVING_MODELS_BYTES=str(accounted * AGAIN // MODELS // 5))
    stub = ModelServingServiceStub(channels.open(small.address, timeout=PATIENCE))
    await _up(stub)
    cold = await _round(stub, models, 2 * order[:AGAIN])
    _say("room for a fifth, each one cold", cold, small)
    listed = pb.ListLoadedModelsRequest(
        pagination=PaginationRequest(page_size=AGAIN), state_filter=pb.MODEL_STATE_READY
    )
    loaded = len((await stub.ListLoadedModels(listed)).models)
    print(f"of {AGAIN} with room for a fifth are loaded at the end: {loaded}")
    await channels.close()
    assert loaded < AGAIN // 2
    assert full < NODE
    assert small.memory()[0] < full
