"""The platform as users reach it: its addresses, its stubs, small models, the command."""

import asyncio
import json
import os
import ssl
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import onnx
from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from forgepoint.common.v1 import model_pb2
from forgepoint.inference.v1 import inference_pb2, inference_pb2_grpc
from forgepoint.pipeline.v1 import pipeline_pb2, pipeline_pb2_grpc
from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc
from fp_cli import upload
from fp_flights import pipelines
from fp_kernel import AlreadyExists, Unavailable
from fp_supervisor import Access, SupervisorClient
from fp_supervisor.launch import SOCKET, ensure
from fp_testkit.patience import PATIENCE
from google.protobuf import json_format
from onnx import TensorProto, helper, numpy_helper

# A platform takes fifteen seconds of processor time to start, beside whatever else the machine has to do.
READY_SECONDS = 5 * PATIENCE
UP = ("up", "--wait", str(READY_SECONDS))
# `fp` as a program for `python -c`. A shell's background job ignores Ctrl-C, and so would it when the tests are one.
HEEDING_CTRL_C = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("fp_cli", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class Platform:
    """folder: of its data. access: addresses and the first admin."""

    folder: Path
    access: Access

    @property
    def http(self) -> str:
        return self.access.http_url

    @property
    def supervisor(self) -> SupervisorClient:
        return SupervisorClient(self.folder / SOCKET)

    @property
    def admin_nats_url(self) -> str:
        """Of the user who may publish anything, as no service and no operator may."""
        secrets, ports = (json.loads((self.folder / f"{name}.json").read_text()) for name in ("secrets", "ports"))
        return f"nats://fp:{secrets['nats.password']}@127.0.0.1:{ports['nats.client']}"


async def start(folder: Path) -> Access:
    await ensure(folder)
    client = SupervisorClient(folder / SOCKET)
    await client.wait_ready(READY_SECONDS)
    return await client.access()


class Client:
    """Stubs for one identity; failures are fp_kernel errors."""

    def __init__(self, channel: grpc.aio.Channel, files: ssl.SSLContext | None = None) -> None:
        """files: for URLs of files, where the platform has an authority of its own."""
        self.files = files
        self.auth: Any = auth_pb2_grpc.AuthServiceStub(channel)
        self.registry: Any = registry_pb2_grpc.RegistryServiceStub(channel)
        self.pipeline: Any = pipeline_pb2_grpc.PipelineOrchestratorServiceStub(channel)
        self.inference: Any = inference_pb2_grpc.InferenceGatewayServiceStub(channel)

    async def login(self, email: str, password: str) -> str:
        response = await self.auth.Login(auth_pb2.LoginRequest(email=email, password=password))
        return response.access_token

    async def run(self, pipeline: dict[str, Any], values: dict[str, Any]) -> Any:
        """Create the pipeline when it is not there, run it to its end."""
        request = json_format.ParseDict(pipeline, pipeline_pb2.CreatePipelineRequest())
        try:
            pipeline_id = (await self.pipeline.CreatePipeline(request)).pipeline.id
        except AlreadyExists:
            named = pipeline_pb2.GetPipelineRequest(name=pipeline["name"])
            pipeline_id = (await self.pipeline.GetPipeline(named)).pipeline.id
        trigger = pipeline_pb2.TriggerExecutionRequest(pipeline_id=pipeline_id)
        trigger.input.update(values)
        execution_id = (await self.pipeline.TriggerExecution(trigger)).execution.id
        watch = pipeline_pb2.WatchExecutionRequest(execution_id=execution_id, include_current_state=True)
        async for _ in self.pipeline.WatchExecution(watch):
            pass
        return (await self.pipeline.GetExecution(pipeline_pb2.GetExecutionRequest(execution_id=execution_id))).execution


def linear_model(weights=(1.0, 2.0, 3.0)) -> bytes:
    """`y = x . weights` for rows x of the weights' length."""
    count = len(weights)
    kernel = numpy_helper.from_array(np.array(weights, dtype=np.float32).reshape(count, 1), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, count])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        [kernel],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def unloadable_model() -> bytes:
    """Well formed; its operator is one that the standard does not have."""
    model = onnx.load_from_string(linear_model())
    model.graph.node[0].op_type = "MatMall"
    return model.SerializeToString()


def linear_signature(count=3) -> model_pb2.Signature:
    return model_pb2.Signature(
        inputs=[
            model_pb2.SignatureTensor(
                name="x",
                type=model_pb2.TENSOR_TYPE_FLOAT32,
                shape=[-1, count],
                columns=[model_pb2.SignatureColumn(name=f"c{index}") for index in range(count)],
            )
        ],
        outputs=[model_pb2.SignatureTensor(name="y", type=model_pb2.TENSOR_TYPE_FLOAT32, shape=[-1, 1])],
    )


async def new_version(client: Client, name: str, artifact: bytes, *, digest: str = "") -> Any:
    """Register, create, put, confirm; answers the version whatever came of it."""
    try:
        request = registry_pb2.RegisterModelRequest(name=name, framework="onnx")
        model_id = (await client.registry.RegisterModel(request)).model.id
    except AlreadyExists:
        model_id = (await client.registry.GetModel(registry_pb2.GetModelRequest(name=name))).model.id
    created = await client.registry.CreateVersion(
        registry_pb2.CreateVersionRequest(model_id=model_id, signature=linear_signature())
    )
    await asyncio.to_thread(upload._put, created.upload_url, artifact, client.files)
    return (
        await client.registry.ConfirmVersionUpload(
            registry_pb2.ConfirmVersionUploadRequest(version_id=created.version.id, expected_digest=digest)
        )
    ).version


def row(*values: float) -> inference_pb2.TensorData:
    return inference_pb2.TensorData(
        shape=[1, len(values)], dtype=inference_pb2.DATA_TYPE_FLOAT32, data=np.array(values, "<f4").tobytes()
    )


def fp(*arguments: str, home: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command as a user with this home."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config")}
    return subprocess.run(
        [sys.executable, "-m", "fp_cli", *arguments],
        env=environment | (env or {}),
        capture_output=True,
        text=True,
        timeout=READY_SECONDS + PATIENCE,
        check=False,
    )


async def deploy_linear(client: Client, name: str = "linear") -> str:
    """Register and deploy `linear_model`; answers the version."""
    version = await new_version(client, name, linear_model())
    execution = await client.run(pipelines.deployment(), {"model": name, "version": version.version})
    if execution.status != pipeline_pb2.EXECUTION_STATUS_COMPLETED:
        raise AssertionError(f"the deployment ended {execution}")
    return str(version.version)


async def predict_linear(client: Client, name: str = "linear", *, patience: float = PATIENCE) -> float:
    """What the model answers for a row of ones, as soon as it answers."""
    request = inference_pb2.PredictRequest(model_name=name, inputs={"x": row(1, 1, 1)})
    async with asyncio.timeout(patience):
        while True:
            try:
                response = await client.inference.Predict(request)
                return float(np.frombuffer(response.outputs["y"].data, "<f4")[0])
            except Unavailable:
                await asyncio.sleep(0.1)
