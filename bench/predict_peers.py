"""Other products that serve the same model, in a virtual environment of their own below `.bench`."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
from fp_testkit.edge_process import EdgeProcess
from fp_testkit.patience import PATIENCE
from fp_testkit.ports import free_port
from predict_load import Call, Way, rest_caller
from processes import CLIENT, Used, family

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".bench" / "peers"
SOURCES = Path(__file__).with_name("peers")
PACKAGES = ("mlserver==1.7.1", "bentoml==1.4.40", "fastapi", "uvicorn", "uvloop", "httptools", "onnxruntime")
MODEL = "flight-delay"
# The edge lets nobody through who has no credential; what is behind it does not look at it.
NO_TOKEN = ".".join(["x" * 340] * 3)
# MLServer's request, as its own message; ours has the same content.
_ASKED = """
import sys
from mlserver.grpc import dataplane_pb2 as pb
row = bytes.fromhex(sys.argv[1])
tensor = pb.ModelInferRequest.InferInputTensor(name="features", datatype="FP32", shape=[1, len(row) // 4])
print(pb.ModelInferRequest(model_name=sys.argv[2], inputs=[tensor], raw_input_contents=[row]).SerializeToString().hex())
"""


@asynccontextmanager
async def peers(artifact: Path, row: list[float], packed: bytes) -> AsyncIterator[dict[str, Way]]:
    """Those that could be installed and started; the others are named with the reason."""
    async with AsyncExitStack() as stack:
        found: dict[str, Way] = {}
        if await _installed():
            for name, started in (("fastapi", _fastapi), ("bentoml", _bentoml), ("mlserver", _mlserver)):
                try:
                    found |= await stack.enter_async_context(started(artifact, row, packed))
                except (OSError, RuntimeError, TimeoutError) as error:
                    print(f"{name} is left out: {error!r}", file=sys.stderr)
        yield found


async def _installed() -> bool:
    if (FOLDER / "complete").exists():
        return True
    uv = next((ROOT / ".uv" / "bin").glob("uv"), None) or "uv"
    for arguments in (
        ("venv", "-q", "--clear", "--python", sys.executable, str(FOLDER)),
        ("pip", "install", "-q", "--python", str(FOLDER / "bin" / "python"), *PACKAGES),
    ):
        process = await asyncio.create_subprocess_exec(str(uv), *arguments)
        if await process.wait():
            print(f"no peers: {' '.join(PACKAGES)} cannot be installed on {sys.version.split()[0]}", file=sys.stderr)
            return False
    (FOLDER / "complete").touch()
    return True


@asynccontextmanager
async def _fastapi(artifact: Path, row: list[float], packed: bytes) -> AsyncIterator[dict[str, Way]]:  # noqa: ARG001 -- as the others
    port = free_port()
    command = ("uvicorn", "fastapi_app:app", "--port", str(port), "--loop", "uvloop", "--no-access-log")
    async with _running(artifact, SOURCES, "fastapi", port, *command) as way:
        yield {"fastapi_rest": way(rest_caller(f"127.0.0.1:{port}", "/predict", {"rows": [row]}))}


@asynccontextmanager
async def _bentoml(artifact: Path, row: list[float], packed: bytes) -> AsyncIterator[dict[str, Way]]:  # noqa: ARG001 -- as the others
    port = free_port()
    command = ("bentoml", "serve", "bentoml_service:Served", "--port", str(port), "--host", "127.0.0.1", "-q")
    async with _running(artifact, SOURCES, "bentoml", port, *command) as way:
        yield {"bentoml_rest": way(rest_caller(f"127.0.0.1:{port}", "/predict", {"rows": [row]}))}


@asynccontextmanager
async def _mlserver(artifact: Path, row: list[float], packed: bytes) -> AsyncIterator[dict[str, Way]]:
    folder = artifact.with_name("mlserver")
    shutil.copytree(SOURCES, folder)
    ports = {name: free_port() for name in ("http_port", "grpc_port", "metrics_port")}
    (folder / "settings.json").write_text(
        json.dumps({"parallel_workers": 0, "host": "127.0.0.1", "debug": False} | ports)
    )
    model = {"name": MODEL, "implementation": "mlserver_model.Onnx", "parameters": {"uri": str(artifact)}}
    (folder / "model-settings.json").write_text(json.dumps(model))
    address, body = f"127.0.0.1:{ports['http_port']}", oip(row)
    async with _running(artifact, folder, "mlserver", ports["http_port"], "mlserver", "start", ".") as way:
        asked = await _said(str(FOLDER / "bin" / "python"), "-c", _ASKED, packed.hex(), MODEL)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{ports['grpc_port']}") as channel:
            method: Any = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")

            @asynccontextmanager
            async def over_grpc() -> AsyncIterator[Call]:
                yield lambda: method(bytes.fromhex(asked), timeout=30.0)

            path = f"/v2/models/{MODEL}/infer"
            async with _behind_edge(artifact.parent, address) as edge:
                beyond = rest_caller(edge.address, path, body, {"authorization": f"Bearer {NO_TOKEN}"})
                await _answering(beyond)
                yield {
                    "mlserver_grpc": way(over_grpc),
                    "mlserver_rest": way(rest_caller(address, path, body)),
                    "mlserver_edge_rest": way(beyond, edge=edge.running.pid),
                }


@asynccontextmanager
async def _behind_edge(folder: Path, address: str) -> AsyncIterator[Any]:
    """The platform's edge before MLServer, which speaks HTTP/1.1 alone, as the gateway's HTTP does: predictions are led
    there. All else is as the edge has it before inference.
    """
    folder = folder / "mlserver-edge"
    folder.mkdir()
    edge = EdgeProcess(folder, {"gateway_http": address}, FP_EDGE_ACCESS_LOG="failed")
    await edge.start()
    try:
        routes, changed = edge.folder / "routes.json", edge.folder / "routes.new"
        changed.write_text(routes.read_text().replace('"cluster": "inference"', '"cluster": "gateway_http"'))
        # Envoy looks when a file is moved to its name.
        changed.replace(routes)
        yield edge
    finally:
        await edge.stop()


async def _answering(caller: Callable[[], AbstractAsyncContextManager[Call]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(RuntimeError, OSError, EOFError):
                async with caller() as call:
                    await call()
                return
            await asyncio.sleep(0.2)


def oip(row: list[float]) -> dict[str, Any]:
    """A request of the Open Inference Protocol."""
    return {"inputs": [{"name": "features", "shape": [1, len(row)], "datatype": "FP32", "data": row}]}


@asynccontextmanager
async def _running(
    artifact: Path, folder: Path, name: str, port: int, *command: str
) -> AsyncIterator[Callable[..., Way]]:
    """A program of the virtual environment, once it listens; makes ways whose CPU is that of its processes."""
    binaries = FOLDER / "bin"
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("FP_", "PYTHON", "VIRTUAL_ENV"))},
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "ARTIFACT": str(artifact),
        "BENTOML_DO_NOT_TRACK": "1",
        "BENTOML_HOME": str(artifact.with_name("bentoml")),
    }
    with artifact.with_name(f"{name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(binaries / command[0]), *command[1:], cwd=folder, env=environment, stdout=log, stderr=log
        )
    try:
        await _listening(process, port)

        def way(caller: Callable[[], AbstractAsyncContextManager[Call]], **beside: int) -> Way:
            processes = {name: process.pid, CLIENT: os.getpid(), **beside}

            async def usage() -> dict[str, Used]:
                return {each: family(each, pid) for each, pid in processes.items()}

            return Way(caller, usage)

        yield way
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _listening(process: asyncio.subprocess.Process, port: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            if process.returncode is not None:
                raise RuntimeError(f"ended with {process.returncode}")
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.2)


async def _said(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return said.decode().strip()
