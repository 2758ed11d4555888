import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import grpc
import pytest
import pytest_asyncio
from forgepoint.billing.v1 import billing_pb2, billing_pb2_grpc
from forgepoint.experiment.v1 import experiment_pb2, experiment_pb2_grpc
from forgepoint.featurestore.v1 import featurestore_pb2, featurestore_pb2_grpc
from forgepoint.inference.v1 import inference_pb2, inference_pb2_grpc
from forgepoint.monitor.v1 import monitor_pb2, monitor_pb2_grpc, prediction_log_pb2, prediction_log_pb2_grpc
from forgepoint.notification.v1 import notification_pb2, notification_pb2_grpc
from forgepoint.pipeline.v1 import pipeline_pb2, pipeline_pb2_grpc
from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc
from fp_gateway.main import serve
from fp_gateway.settings import GatewaySettings
from fp_kernel import FailedPrecondition, NotFound, ResourceExhausted, invalid
from fp_rpc import Server, current_call
from fp_telemetry import Metrics
from fp_testkit.issuer import SERVICE_SECRET, Issuer
from fp_testkit.ports import free_port
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from google.protobuf.message_factory import GetMessageClass


class Registry(registry_pb2_grpc.RegistryServiceServicer):
    """Remembers what it was told and fails by the name that is asked for."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    async def GetModel(self, request, context):
        self.calls.append(current_call())
        if request.name == "missing":
            raise NotFound("there is no model missing")
        if request.name == "busy":
            raise ResourceExhausted("slow down", retry_after=2.5)
        context.set_trailing_metadata((("fp-position", "7"), ("x-secret-host", "10.0.0.1")))
        return registry_pb2.GetModelResponse(model=registry_pb2.Model(id=request.id, name=request.name))

    async def ListModels(self, request, context):
        found = registry_pb2.ListModelsResponse(models=[registry_pb2.Model(name=request.framework_filter)])
        found.pagination.total_count = 7 if request.with_total else -1
        return found

    async def RegisterModel(self, request, context):
        if not request.name:
            raise invalid("name", "must not be empty")
        self.calls.append(current_call())
        return registry_pb2.RegisterModelResponse(model=registry_pb2.Model(name=request.name))


class Pipeline(pipeline_pb2_grpc.PipelineOrchestratorServiceServicer):
    """Streams as many transitions as the execution's id says: the present state alone, or from the asked one on.

    asked: changes of pipelines.
    """

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def UpdatePipeline(self, request, context):
        self.asked.append(request)
        changed = pipeline_pb2.PipelineDefinition(id=request.pipeline_id, name=request.name)
        return pipeline_pb2.UpdatePipelineResponse(pipeline=changed)

    async def DeletePipeline(self, request, context):
        self.asked.append(request)
        if request.pipeline_id == "started":
            raise FailedPrecondition("an execution of it is open", reason="PIPELINE_IN_USE")
        return pipeline_pb2.DeletePipelineResponse()

    async def ListExecutions(self, request, context):
        found = pipeline_pb2.Execution(id=f"e{request.status_filter}", status=request.status_filter)
        return pipeline_pb2.ListExecutionsResponse(executions=[found])

    async def WatchExecution(self, request, context):
        if request.execution_id == "missing":
            raise NotFound("there is no execution missing")
        newest = int(request.execution_id)
        first = newest if request.include_current_state else request.after_sequence + 1
        for sequence in range(first, newest + 1):
            yield pipeline_pb2.WatchExecutionResponse(sequence=sequence)


class Inference(inference_pb2_grpc.InferenceGatewayServiceServicer):
    """Answers its input; serves versions 1 and 2 of every model but `missing`, and none of `asleep`."""

    async def GetModelInfo(self, request, context):
        if request.model_name == "missing":
            raise NotFound("there is no model missing")
        info = inference_pb2.ModelInfo(model_name=request.model_name, is_serving=request.model_name != "asleep")
        info.inputs.add(name="x", dtype=inference_pb2.DATA_TYPE_FLOAT32, shape=[-1, 3])
        info.inputs.add(name="scale", dtype=inference_pb2.DATA_TYPE_FLOAT16, shape=[1], optional=True)
        info.outputs.add(name="y", dtype=inference_pb2.DATA_TYPE_INT64, shape=[-1])
        for version in ("1", "2"):
            info.versions.add(version=version)
        return inference_pb2.GetModelInfoResponse(model_info=info)

    async def Predict(self, request, context):
        if request.model_name == "missing":
            raise NotFound("there is no model missing")
        return inference_pb2.PredictResponse(
            outputs=request.inputs, served_version=request.version_override or "1", request_id=request.idempotency_key
        )

    async def BatchPredict(self, request, context):
        if request.model_name == "missing":
            raise NotFound("there is no model missing")
        version = request.version_override or "1"
        results = [self._result(item, version) for item in request.items]
        return inference_pb2.BatchPredictResponse(results=results, request_id=request.idempotency_key)

    async def StreamPredict(self, request, context):
        if request.model_name == "missing":
            raise NotFound("there is no model missing")
        for item in request.items:
            yield inference_pb2.StreamPredictResponse(result=self._result(item, "1"), request_id="r")

    def _result(self, item, version):
        """Items whose id says a negative number fail."""
        result = inference_pb2.BatchPredictResult(item_id=item.item_id)
        if "-" in item.item_id:
            result.error.code = "NEGATIVE"
            return result
        result.served_version = version
        for name, tensor in item.inputs.items():
            result.outputs[name].CopyFrom(tensor)
        return result


class Recorded:
    """A service whose RPCs remember what they were asked, and answer what was put into `answers` or nothing.

    allowed: the seconds that each RPC was given at most.
    """

    def __init__(self, file: FileDescriptor, stubs: Any) -> None:
        (service,) = file.services_by_name.values()
        self.asked: list[tuple[str, Any]] = []
        self.answers: dict[str, Any] = {}
        self.failures: dict[str, Exception] = {}
        self.slow: set[str] = set()
        self.allowed: dict[str, float] = {}
        self.add = getattr(stubs, f"add_{service.name}Servicer_to_server")
        behaviours = {method.name: self._behaviour(method) for method in service.methods}
        self.servicer = type(service.name, (getattr(stubs, f"{service.name}Servicer"),), behaviours)()

    def _behaviour(self, method: MethodDescriptor) -> Any:
        async def one(servicer, request, context):
            self.asked.append((method.name, request))
            self.allowed[method.name] = current_call().remaining()
            if method.name in self.slow:
                await asyncio.Event().wait()
            if method.name in self.failures:
                raise self.failures[method.name]
            return self.answers.get(method.name) or GetMessageClass(method.output_type)()

        async def many(servicer, request, context):
            for answer in await one(servicer, request, context):
                yield answer

        return many if method.server_streaming else one


OTHERS = {
    "featurestore": (featurestore_pb2, featurestore_pb2_grpc),
    "experiment": (experiment_pb2, experiment_pb2_grpc),
    "billing": (billing_pb2, billing_pb2_grpc),
    "notification": (notification_pb2, notification_pb2_grpc),
    "monitor": (monitor_pb2, monitor_pb2_grpc),
    "prediction log": (prediction_log_pb2, prediction_log_pb2_grpc),
}


@dataclass
class Edge:
    """The gateway under test. address: gRPC. http, probes: URLs of the public HTTP, and of health and metrics."""

    address: str
    http: str
    probes: str
    issuer: Issuer
    registry: Registry
    pipeline: Pipeline
    servers: list[Server] = field(default_factory=list)
    others: dict[str, Recorded] = field(default_factory=dict)

    def headers(self, token: str | None = None) -> dict[str, str]:
        return {"authorization": f"Bearer {token or self.issuer.identity.engineer()}"}


@pytest_asyncio.fixture
async def edge(issuer, services, nats_url, unused_port) -> AsyncIterator[Edge]:
    async with gateway(issuer, services, nats_url, unused_port) as opened:
        yield opened


@pytest_asyncio.fixture
async def whole(issuer, services, nats_url, unused_port) -> AsyncIterator[Edge]:
    """The gateway before all services; those in `others` are `Recorded`."""
    others = {noun: Recorded(messages.DESCRIPTOR, stubs) for noun, (messages, stubs) in OTHERS.items()}
    async with gateway(issuer, services, nats_url, unused_port, others) as opened:
        yield opened


@pytest_asyncio.fixture
async def named_origin(issuer, services, nats_url, unused_port) -> AsyncIterator[Edge]:
    """The gateway that scripts of one other origin may call."""
    async with gateway(
        issuer, services, nats_url, unused_port, gateway_cors_origins="https://app.example.org"
    ) as opened:
        yield opened


@asynccontextmanager
async def gateway(issuer, services, nats_url, port, others=MappingProxyType({}), **own) -> AsyncIterator[Edge]:
    """own: further settings of the gateway."""
    registry, pipeline = Registry(), Pipeline()
    server = Server("registry", resolver=issuer.identity.resolver(), metrics=Metrics("registry"))
    server.add(registry_pb2_grpc.add_RegistryServiceServicer_to_server, registry)
    server.add(pipeline_pb2_grpc.add_PipelineOrchestratorServiceServicer_to_server, pipeline)
    server.add(inference_pb2_grpc.add_InferenceGatewayServiceServicer_to_server, Inference())
    for other in others.values():
        server.add(other.add, other.servicer)
    backend = f"127.0.0.1:{await server.start('127.0.0.1:0')}"
    server.set_serving(True)
    settings = GatewaySettings(
        grpc_port=0,
        http_port=0,
        gateway_http_port=port,
        bind_host="127.0.0.1",
        auth_issuer=issuer.url,
        auth_addr=issuer.address,
        registry_addr=backend,
        inference_addr=backend,
        pipeline_addr=backend,
        service_secret=SERVICE_SECRET,
        nats_url=nats_url,
        **{f"{noun}_addr": backend for noun in others},
        **own,
    )
    running = await services("gateway", settings, serve)
    address, http = running.grpc_address, f"http://127.0.0.1:{port}"
    yield Edge(address, http, running.http_url, issuer, registry, pipeline, [server], dict(others))
    await server.stop(0)


@pytest_asyncio.fixture
async def channel(edge) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(edge.address, options=[("grpc.max_send_message_length", -1)]) as opened:
        yield opened


@pytest.fixture
def unused_port() -> int:
    return free_port()
