"""The floor of `predict`: two bare grpc.aio processes, of which the second runs the model.

`predict_floor.py back ARTIFACT` and `predict_floor.py front PORT`; each prints its port and serves until its standard
input is closed. The front passes the tensors on as they came, packed: no identity, route, meter, event or store.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import onnxruntime
import uvloop
from forgepoint.inference.v1 import inference_pb2 as front_pb
from forgepoint.inference.v1 import inference_pb2_grpc as front_grpc
from forgepoint.serving.v1 import serving_pb2 as back_pb
from forgepoint.serving.v1 import serving_pb2_grpc as back_grpc

INPUT, OUTPUT = "features", "probabilities"


class Back(back_grpc.ModelServingServiceServicer):
    def __init__(self, artifact: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(artifact, options, providers=["CPUExecutionProvider"])

    async def Predict(self, request: back_pb.PredictRequest, context: Any) -> back_pb.PredictResponse:  # noqa: ARG002 -- gRPC's
        tensor = request.inputs[INPUT]
        row = np.frombuffer(tensor.data, dtype="<f4").reshape(tuple(tensor.shape))
        (found,) = self._session.run([OUTPUT], {INPUT: row})
        answer = back_pb.TensorData(shape=found.shape, dtype=tensor.dtype, data=found.tobytes())
        return back_pb.PredictResponse(outputs={OUTPUT: answer}, model_version=request.version)


class Front(front_grpc.InferenceGatewayServiceServicer):
    def __init__(self, stub: Any) -> None:
        self._stub = stub

    async def Predict(self, request: front_pb.PredictRequest, context: Any) -> front_pb.PredictResponse:  # noqa: ARG002 -- gRPC's
        # The two packages number some types differently, not those of the model.
        inputs: Any = {
            name: back_pb.TensorData(shape=each.shape, dtype=int(each.dtype), data=each.data)  # type: ignore[arg-type]
            for name, each in request.inputs.items()
        }
        asked = back_pb.PredictRequest(model_name=request.model_name, version="1", inputs=inputs)
        found = await self._stub.Predict(asked, timeout=10.0)
        outputs = {
            name: front_pb.TensorData(shape=each.shape, dtype=each.dtype, data=each.data)
            for name, each in found.outputs.items()
        }
        return front_pb.PredictResponse(outputs=outputs, served_version=found.model_version)


async def serve(part: str, argument: str) -> None:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    channel = None
    if part == "back":
        artifact = await asyncio.to_thread(Path(argument).read_bytes)
        back_grpc.add_ModelServingServiceServicer_to_server(Back(artifact), server)
    else:
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{argument}")
        front_grpc.add_InferenceGatewayServiceServicer_to_server(
            Front(back_grpc.ModelServingServiceStub(channel)), server
        )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)
    if channel is not None:
        await channel.close()


@asynccontextmanager
async def floor(artifact: Path) -> AsyncIterator[tuple[str, dict[str, int]]]:
    """Address of the front, and the processes by name."""
    async with _started("back", str(artifact)) as (back_port, back), _started("front", str(back_port)) as (port, front):
        yield f"127.0.0.1:{port}", {"floor_front": front, "floor_back": back}


@asynccontextmanager
async def _started(*arguments: str) -> AsyncIterator[tuple[int, int]]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, __file__, *arguments, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline()), process.pid
    finally:
        process.stdin.close()
        await process.wait()


if __name__ == "__main__":
    uvloop.run(serve(*sys.argv[1:3]))
