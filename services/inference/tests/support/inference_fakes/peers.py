"""The peers of inference as servers: a runtime of one version, and the pipeline's list of deployments."""

import asyncio
import struct
from dataclasses import dataclass, field
from typing import Any

import grpc
from forgepoint.pipeline.v1 import pipeline_pb2
from forgepoint.pipeline.v1.pipeline_pb2_grpc import PipelineOrchestratorServiceServicer
from forgepoint.serving.v1 import serving_pb2
from forgepoint.serving.v1.serving_pb2_grpc import ModelServingServiceServicer
from fp_kernel import Error, Unavailable
from fp_rpc import Server, current_call

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass
class FakeRuntime(ModelServingServiceServicer):
    """One version behind a port; answers the version's number as a probability.

    errors: raised one after the other before it answers. calls: team and request id; as_frames: how many by link.
    named: model, label and id of the version that each request names. state, reason: what it says of its model.
    """

    version: str
    server: Server
    address: str = ""
    errors: list[Error] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    as_frames: int = 0
    gate: asyncio.Event | None = None
    named: list[tuple[str, str, str]] = field(default_factory=list)
    state: serving_pb2.ModelState.ValueType = serving_pb2.MODEL_STATE_READY
    reason: str = ""

    async def Predict(
        self, request: serving_pb2.PredictRequest, context: Context | None
    ) -> serving_pb2.PredictResponse:
        self.as_frames += context is None  # as calls of a link have none
        self.calls.append((current_call().team, request.idempotency_key))
        self.named.append((request.model_name, request.version, request.version_id))
        if self.gate is not None:
            await self.gate.wait()
        if self.errors:
            raise self.errors.pop(0)
        rows = request.inputs["features"].shape[0]
        share = float(self.version) / 100
        output = serving_pb2.TensorData(
            shape=[rows, 2],
            dtype=serving_pb2.DATA_TYPE_FLOAT32,
            data=struct.pack("<2f", 1 - share, share) * rows,
        )
        return serving_pb2.PredictResponse(outputs={"probabilities": output}, model_version=self.version)

    async def GetModelStatus(
        self, request: serving_pb2.GetModelStatusRequest, context: Context
    ) -> serving_pb2.GetModelStatusResponse:
        status = serving_pb2.ModelStatus(
            version=self.version, state=self.state, reason=self.reason, link_port=self.server.link_port
        )
        return serving_pb2.GetModelStatusResponse(status=status)

    async def GetModelInfo(
        self, request: serving_pb2.GetModelInfoRequest, context: Context
    ) -> serving_pb2.GetModelInfoResponse:
        spec = serving_pb2.TensorSpec(name="features", shape=[-1, 2], dtype=serving_pb2.DATA_TYPE_FLOAT32)
        return serving_pb2.GetModelInfoResponse(model_info=serving_pb2.ModelInfo(input_schema=[spec]))


@dataclass
class FakePipeline(PipelineOrchestratorServiceServicer):
    """deployments: what it lists; None while it is away."""

    deployments: list[pipeline_pb2.Deployment] | None = None
    address: str = ""

    async def ListDeployments(
        self, request: pipeline_pb2.ListDeploymentsRequest, context: Context
    ) -> pipeline_pb2.ListDeploymentsResponse:
        if self.deployments is None:
            raise Unavailable("the pipeline is away")
        asked = (request.team, request.model_name)
        listed = [each for each in self.deployments if asked in {("", ""), (each.team, each.model_name)}]
        return pipeline_pb2.ListDeploymentsResponse(deployments=listed)
