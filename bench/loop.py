"""The replay of the main job at full speed, with all ten services at work: predictions/s, and where the CPU goes.

Ours is the story of `make demo` with no brake on its clock: features and outcomes are written, labels arrive, windows
close, retrainings and canaries happen while flights are predicted one by one through the gateway. The floor answers the
same requests with the same kind of model from one bare grpc.aio process with ONNX Runtime: no identity, route, meter,
event or store. It is measured before and after, with the same number of callers, and its mean is taken.

extra.cpu_ms: milliseconds of CPU a prediction, by process, from the first prediction until every label is in. `client`
is this process: the callers, and the features, outcomes and labels it sends.
"""

import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import onnxruntime
from forgepoint.inference.v1 import inference_pb2 as pb
from forgepoint.inference.v1 import inference_pb2_grpc
from form import report
from fp_flights import data, training
from fp_flights.features import COLUMNS, INPUT
from fp_flights.flights import Flights
from fp_flights.story.clock import Pace
from fp_flights.story.narrator import Narrator
from fp_flights.story.predict import CALLERS
from fp_flights.story.predictions import Predictions
from fp_flights.story.whole_story import StoryOptions, run_story
from fp_kernel import Error
from fp_supervisor import SupervisorClient
from fp_supervisor.launch import SOCKET
from processes import CLIENT, family, named

# Every fourth flight of spring, as the main job has it; all flights are written to the feature store.
FLIGHTS = int(os.environ.get("FLIGHTS", "20000"))
END = np.datetime64("2013-06-01T04:00:00", "s")
FLOOR_FLIGHTS = min(FLIGHTS, 10_000)
# The clock of the story never holds a caller back.
UNBRAKED = Pace().times(1_000_000)
TICK_SECONDS = 0.1
# Asking for the state of the platform costs it CPU.
TICKS_A_SAMPLE = 30


class Bare(inference_pb2_grpc.InferenceGatewayServiceServicer):
    def __init__(self, artifact: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(artifact, options, providers=["CPUExecutionProvider"])

    async def Predict(self, request: pb.PredictRequest, context: Any) -> pb.PredictResponse:  # noqa: ARG002 -- gRPC's
        tensor = request.inputs[INPUT]
        row = np.frombuffer(tensor.data, dtype="<f4").reshape(tuple(tensor.shape))
        (probabilities,) = self._session.run(["probabilities"], {INPUT: row})
        answer = pb.TensorData(shape=probabilities.shape, dtype=tensor.dtype, data=probabilities.tobytes())
        return pb.PredictResponse(outputs={"probabilities": answer})


async def serve_bare(artifact: str) -> None:
    """Serve until the parent closes our standard input."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    servicer = Bare(await asyncio.to_thread(Path(artifact).read_bytes))
    inference_pb2_grpc.add_InferenceGatewayServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


@asynccontextmanager
async def bare_server(artifact: Path) -> AsyncIterator[Any]:
    """A stub of it."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, __file__, str(artifact), stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield inference_pb2_grpc.InferenceGatewayServiceStub(channel)
    finally:
        process.stdin.close()
        await process.wait()


async def floor_rate(stub: Any, flights: Flights) -> float:
    """Predictions/s, each caller waiting for its own answer."""
    rows = iter(flights.features)

    async def caller() -> None:
        for row in rows:
            tensor = pb.TensorData(
                shape=[1, len(COLUMNS)], dtype=pb.DATA_TYPE_FLOAT32, data=row.astype("<f4").tobytes()
            )
            await stub.Predict(pb.PredictRequest(model_name="flight-delay", inputs={INPUT: tensor}), timeout=10)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(CALLERS):
            tasks.create_task(caller())
    return len(flights) / (time.perf_counter() - started)


@dataclass
class Meter:
    """CPU of every process of the platform, sampled, because runtimes and jobs come and go.

    begun, ended: seconds of CPU by process when the replay began, and when it was over.
    """

    folder: Path
    seconds: dict[tuple[str, int], float] = field(default_factory=dict)
    begun: dict[tuple[str, int], float] = field(default_factory=dict)
    started: float = 0.0
    answered: float = 0.0
    predicted: Predictions | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self, predicted: Predictions) -> None:
        self.predicted, self.started = predicted, time.perf_counter()
        self.begun = dict(self.seconds)

    async def sample(self) -> None:
        """Until the replay is over."""
        ticks = 0
        while not self.over.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self.over.wait()
            if self.predicted is not None and self.predicted.done and not self.answered:
                self.answered = time.perf_counter()
            if ticks % TICKS_A_SAMPLE == 0 or self.over.is_set():
                await self._sample()
            ticks += 1

    async def _sample(self) -> None:
        # The platform may not have started yet.
        with suppress(Error):
            for process in (await SupervisorClient(self.folder / SOCKET).status()).processes:
                if process.pid is not None:
                    self._note(named(process), process.pid)
        self._note(CLIENT, os.getpid())

    def _note(self, name: str, pid: int) -> None:
        self.seconds[name, pid] = max(family(name, pid).cpu, self.seconds.get((name, pid), 0.0))

    def milliseconds(self, predictions: int) -> dict[str, float]:
        """A prediction's, by name, the dearest first."""
        used: defaultdict[str, float] = defaultdict(float)
        for key, seconds in self.seconds.items():
            used[key[0]] += seconds - self.begun.get(key, 0.0)
        dearest = sorted(used.items(), key=lambda pair: -pair[1])
        return {name: round(seconds * 1e3 / predictions, 3) for name, seconds in dearest}


async def compare() -> None:
    year = data.load()
    folder = Path(tempfile.mkdtemp(prefix="fp-bench-loop-"))
    try:
        winter = year.months(1, 2)
        winter = winter.where(winter.landed())
        artifact = folder / "model.onnx"
        artifact.write_bytes(await asyncio.to_thread(lambda: training.to_onnx(training.train(winter))))
        flights = year.months(3).first(FLOOR_FLIGHTS)
        async with bare_server(artifact) as stub:
            await floor_rate(stub, flights.first(1_000))
            floors = [await floor_rate(stub, flights)]
            outcome, meter = await ours(folder / "data")
            floors.append(await floor_rate(stub, flights))
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    assert meter.predicted is not None
    predictions = len(meter.predicted.answers)
    cpu = meter.milliseconds(predictions)
    report(
        "loop",
        "predictions/s",
        predictions / (meter.answered - meter.started),
        statistics.mean(floors),
        extra={
            "predictions": predictions,
            "failed": outcome.failed_predictions,
            "usage_equal": outcome.usage_recorded == outcome.predictions,
            "retrains": outcome.retrains,
            "callers": CALLERS,
            "cpu_ms": {"all": round(sum(cpu.values()), 3), **cpu},
        },
    )


async def ours(folder: Path) -> tuple[Any, Meter]:
    meter = Meter(folder)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(meter.sample())
        asked = StoryOptions(FLIGHTS, END, UNBRAKED, begun=meter.begin, ended=meter.over.set)
        outcome = await run_story(folder, Narrator(), asked)
    return outcome, meter


if __name__ == "__main__":
    asyncio.run(serve_bare(sys.argv[1]) if sys.argv[1:] else compare())
