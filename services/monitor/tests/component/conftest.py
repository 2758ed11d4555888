"""monitor as it runs: real Postgres and NATS, called through gRPC."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import pytest
from forgepoint.monitor.v1 import monitor_pb2 as pb
from forgepoint.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from forgepoint.pipeline.v1.pipeline_pb2 import GetPipelineResponse
from forgepoint.pipeline.v1.pipeline_pb2_grpc import (
    PipelineOrchestratorServiceServicer,
    add_PipelineOrchestratorServiceServicer_to_server,
)
from forgepoint.registry.v1.registry_pb2 import GetModelResponse
from forgepoint.registry.v1.registry_pb2_grpc import RegistryServiceServicer, add_RegistryServiceServicer_to_server
from fp_events import NatsBus
from fp_kernel import InvalidArgument, NotFound
from fp_monitor.main import serve
from fp_monitor.settings import Settings
from fp_rpc import BearerToken, Channels, Server, current_call
from fp_telemetry import Metrics
from fp_testkit.issuer import SERVICE_SECRET
from fp_testkit.patience import PATIENCE
from fp_testkit.services import RunningService

MIGRATIONS = resources.files("fp_monitor") / "migrations"
MODEL = "delays"
PIPELINE = "018f0000-0000-7000-8000-0000000000bb"
LABELLED = datetime(2013, 6, 1, tzinfo=UTC)


@dataclass
class Client:
    """A caller of one replica. Failures are `fp_kernel` errors."""

    stub: Any

    async def configure(self, **changes: Any) -> pb.ConfigureMonitorResponse:
        given = {"model_name": MODEL, "window_size": 200, "min_samples": 50, "enabled": True} | changes
        return await self.stub.ConfigureMonitor(pb.ConfigureMonitorRequest(**given))

    async def status(self) -> pb.MonitorStatus:
        return (await self.stub.GetMonitorStatus(pb.GetMonitorStatusRequest(model_name=MODEL))).status

    async def health(self) -> pb.ModelHealth:
        return (await self.stub.GetModelHealth(pb.GetModelHealthRequest(model_name=MODEL))).health

    async def reports(self, **filters: Any) -> list[pb.DriftReport]:
        found = await self.stub.ListDriftReports(pb.ListDriftReportsRequest(model_name=MODEL, **filters))
        return list(found.reports)

    async def label(self, truths: Mapping[str, str], *, key: str = "") -> pb.SubmitGroundTruthResponse:
        labels = [pb.GroundTruthLabel(request_id=each, actual_label=actual) for each, actual in truths.items()]
        for place, label in enumerate(labels):
            label.observed_at.FromDatetime(LABELLED)
            label.observed_at.seconds += 60 * place
        request = pb.SubmitGroundTruthRequest(model_name=MODEL, labels=labels, idempotency_key=key)
        return await self.stub.SubmitGroundTruth(request)


class Peers(RegistryServiceServicer, PipelineOrchestratorServiceServicer):
    """Registry and pipeline: team alpha has two models and a pipeline; `stop` takes them away."""

    def __init__(self, issuer: Any) -> None:
        self.asked: list[str] = []
        self.server = Server("registry", resolver=issuer.identity.resolver(), metrics=Metrics("registry"))
        self.server.add(add_RegistryServiceServicer_to_server, self)
        self.server.add(add_PipelineOrchestratorServiceServicer_to_server, self)
        self.address, self.pipeline = "", PIPELINE

    async def GetModel(self, request: Any, context: object) -> GetModelResponse:
        return self._known(request.name, {MODEL, "a", "b", "c"}, GetModelResponse())

    async def GetPipeline(self, request: Any, context: object) -> GetPipelineResponse:
        return self._known(request.pipeline_id, {PIPELINE}, GetPipelineResponse())

    def _known(self, name: str, names: set[str], answer: Any) -> Any:
        self.asked.append(name)
        if name.startswith("-"):
            raise InvalidArgument("name: must begin with a letter")
        if current_call().team not in {"alpha", "beta"} or name not in names:
            raise NotFound(name)
        return answer


@pytest.fixture
async def peers(issuer) -> AsyncIterator[Peers]:
    made = Peers(issuer)
    made.address = f"127.0.0.1:{await made.server.start('127.0.0.1:0')}"
    made.server.set_serving(True)
    yield made
    await made.server.stop(0)


@pytest.fixture
async def settings(databases, nats_url, s3, issuer, peers) -> Settings:
    return Settings(
        grpc_port=0,
        http_port=0,
        bind_host="127.0.0.1",
        env="dev",
        auth_issuer=issuer.url,
        auth_addr=issuer.address,
        registry_addr=peers.address,
        pipeline_addr=peers.address,
        service_secret=SERVICE_SECRET,
        database_url=await databases.create(MIGRATIONS, service="monitor"),
        nats_url=nats_url,
        monitor_poll_seconds=0.05,
        s3_endpoint=s3.endpoint,
        s3_public_endpoint=s3.endpoint,
        s3_bucket=s3.name,
        s3_access_key=s3.access_key,
        s3_secret_key=s3.secret_key,
    )


@pytest.fixture
async def replica(bus, settings, services) -> Callable[[], Awaitable[RunningService]]:
    """Start one more replica; it is ready when its durables are."""

    async def start() -> RunningService:
        running: RunningService = await services("monitor", settings, serve)
        return running

    return start


@pytest.fixture
async def client(issuer) -> AsyncIterator[Callable[..., Client]]:
    """`client(address, role="engineer", team="alpha")`."""
    async with AsyncExitStack() as stack:

        def call(address: str, *, role: str = "engineer", team: str = "alpha") -> Client:
            channels = Channels(BearerToken(getattr(issuer.identity, role)(team)))
            stack.push_async_callback(channels.close)
            return Client(MonitorServiceStub(channels.open(address, timeout=PATIENCE)))

        yield call


@pytest.fixture
async def publish(bus: NatsBus) -> Callable[..., Awaitable[None]]:
    async def send(*events: Any) -> None:
        published = await bus.publish(events)
        assert not published.failed

    return send


@pytest.fixture
def eventually() -> Callable[..., Awaitable[Any]]:
    """Asks until the answer satisfies the condition; that answer."""

    async def ask(question: Callable[[], Awaitable[Any]], condition: Callable[[Any], object]) -> Any:
        answer: Any = None
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition(answer := await question()):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"still {answer}") from None
        return answer

    return ask
