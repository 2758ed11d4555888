"""Inference with real stores; runtimes and the pipeline's list are the test's."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from forgepoint.common.v1 import model_pb2
from forgepoint.events.v1 import events_pb2
from forgepoint.inference.v1 import inference_pb2 as pb
from forgepoint.inference.v1.inference_pb2_grpc import InferenceGatewayServiceStub
from forgepoint.pipeline.v1.pipeline_pb2_grpc import add_PipelineOrchestratorServiceServicer_to_server
from forgepoint.serving.v1.serving_pb2_grpc import add_ModelServingServiceServicer_to_server
from fp_events import Consumer, Event, NatsBus, each
from fp_events.payloads.predictions import opened
from fp_inference.main import serve
from fp_inference.settings import Settings
from fp_kernel import Error, Unavailable
from fp_rpc import BearerToken, Channels, Server
from fp_telemetry import Metrics
from fp_testkit.issuer import SERVICE_SECRET, Issuer
from fp_testkit.patience import PATIENCE
from fp_testkit.services import RunningService, ServiceFactory
from fp_testkit.wallclock import MOMENT
from inference_fakes.peers import FakePipeline, FakeRuntime

COUNTER = Consumer("counter", ("fp.inference.recorded", "fp.inference.completed", "fp.inference.failed"))
Context = grpc.aio.ServicerContext[Any, Any]
SIGNATURE = model_pb2.Signature(
    inputs=[
        model_pb2.SignatureTensor(
            name="features",
            type=model_pb2.TENSOR_TYPE_FLOAT32,
            shape=[-1, 2],
            columns=[
                model_pb2.SignatureColumn(name="hour"),
                model_pb2.SignatureColumn(name="carrier", categories=["UA", "DL"]),
            ],
        )
    ],
    outputs=[model_pb2.SignatureTensor(name="probabilities", type=model_pb2.TENSOR_TYPE_FLOAT32, shape=[-1, 2])],
)


@pytest_asyncio.fixture
async def runtime(issuer: Issuer) -> AsyncIterator[Callable[..., Awaitable[FakeRuntime]]]:
    """Starts a runtime of a version; linked: whether it takes predictions as frames, as those of today do."""
    running: list[FakeRuntime] = []

    async def run(version: str, address: str = "127.0.0.1:0", *, linked: bool = True) -> FakeRuntime:
        server = Server("serving", resolver=issuer.identity.resolver(), metrics=Metrics("serving"))
        fake = FakeRuntime(version, server)
        server.add(add_ModelServingServiceServicer_to_server, fake)
        if linked:
            server.link("Predict", 0)
        fake.address = f"127.0.0.1:{await server.start(address)}"
        server.set_serving(True)
        running.append(fake)
        return fake

    yield run
    for fake in running:
        await fake.server.stop(0)


@pytest_asyncio.fixture
async def pipeline(issuer: Issuer) -> AsyncIterator[FakePipeline]:
    fake = FakePipeline()
    server = Server("pipeline", resolver=issuer.identity.resolver(), metrics=Metrics("pipeline"))
    server.add(add_PipelineOrchestratorServiceServicer_to_server, fake)
    fake.address = f"127.0.0.1:{await server.start('127.0.0.1:0')}"
    server.set_serving(True)
    yield fake
    await server.stop(0)


@pytest.fixture
def settings(issuer: Issuer, pipeline: FakePipeline, nats_url: str, redis_url: str, tmp_path: Path) -> Settings:
    return Settings(
        grpc_port=0,
        http_port=0,
        bind_host="127.0.0.1",
        auth_issuer=issuer.url,
        auth_addr=issuer.address,
        pipeline_addr=pipeline.address,
        service_secret=SERVICE_SECRET,
        nats_url=nats_url,
        redis_url=redis_url,
        redis_timeout=PATIENCE,
        predict_timeout=PATIENCE,
        spool_dir=tmp_path / "spool",
        rate_limits="default=100/200,engineer=5000/10000",
    )


@dataclass
class Inference:
    """A running service and stubs to it. team: of the callers."""

    service: RunningService
    issuer: Issuer
    channels: list[Channels] = field(default_factory=list)

    def stub(self, token: str | None = None) -> Any:
        """As an engineer of team alpha, or with another credential."""
        channels = Channels(BearerToken(token or self.issuer.identity.engineer("alpha")))
        self.channels.append(channels)
        return InferenceGatewayServiceStub(channels.open(self.service.grpc_address, timeout=PATIENCE))

    async def answer_of_one_that_came_back(self) -> pb.PredictResponse:
        """A prediction's answer, once the runtime that was started again can be reached: calls to it fail for as long
        as gRPC waits before it connects again.
        """
        stub = self.stub()
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    response: pb.PredictResponse = await stub.Predict(ask(), timeout=PATIENCE)
                except Unavailable:
                    await asyncio.sleep(0.05)
                else:
                    return response

    async def weights(self, expected: dict[str, int]) -> pb.Route:
        """The route, once its targets have these shares."""
        stub = self.stub()
        route = pb.Route()
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    try:
                        route = (await stub.GetRoute(pb.GetRouteRequest(model_name="delays"))).route
                    except Error:
                        route = pb.Route()
                    if {target.version: target.weight_bps for target in route.targets} == expected:
                        return route
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"the route is still {route}") from None


@pytest_asyncio.fixture
async def start(
    services: ServiceFactory, settings: Settings, issuer: Issuer
) -> AsyncIterator[Callable[..., Awaitable[Inference]]]:
    started: list[Inference] = []

    async def run(**changes: Any) -> Inference:
        service = await services("inference", settings.model_copy(update=changes), serve)
        started.append(Inference(service, issuer))
        return started[-1]

    yield run
    for inference in started:
        for channels in inference.channels:
            await channels.close()


@pytest.fixture
def announce(bus: NatsBus) -> Callable[..., Awaitable[None]]:
    """Publishes a deployment or its end, as the pipeline does."""

    async def publish(
        runtime: FakeRuntime,
        sequence: int,
        *,
        version_id: str = "",
        team: str = "alpha",
        weight: int = 0,
        gone: bool = False,
    ) -> None:
        version: dict[str, Any] = {
            "model_id": "m",
            "model_name": "delays",
            "version_id": version_id or f"id-{runtime.version}",
            "version": runtime.version,
        }
        if gone:
            payload: Any = events_pb2.ModelUndeployed(**version, reason="superseded")
            payload.undeployed_at.FromDatetime(MOMENT)
        else:
            payload = events_pb2.ModelDeployed(
                **version, endpoint=runtime.address, weight_bps=weight, signature=SIGNATURE
            )
            payload.deployed_at.FromDatetime(MOMENT)
        kind = "undeployed" if gone else "deployed"
        event = Event(
            f"fp.pipelines.model.{kind}", payload, team, version["version_id"], f"Version {kind}.", sequence=sequence
        )
        published = await bus.publish([event])
        assert not published.failed

    return publish


def ask(*rows: tuple[float, float], **changes: Any) -> pb.PredictRequest:
    """A request for these rows; one flight when there are none."""
    values = [value for row in rows or ((7.0, 1.0),) for value in row]
    tensor = pb.TensorData(
        shape=[len(values) // 2, 2], dtype=pb.DATA_TYPE_FLOAT32, data=struct.pack(f"<{len(values)}f", *values)
    )
    return pb.PredictRequest(**{"model_name": "delays", "inputs": {"features": tensor}} | changes)


@pytest.fixture(name="ask")
def ask_fixture() -> Callable[..., pb.PredictRequest]:
    return ask


class Events:
    """The predictions that a consumer of fp.inference saw, by kind and request."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], Event] = {}
        self.deliveries = 0
        self.more = asyncio.Condition()

    async def take(self, event: Event) -> None:
        async with self.more:
            self.deliveries += 1
            for each in opened(event):
                payload: Any = each.payload
                self.seen[each.type, payload.request_id] = each
            self.more.notify_all()

    async def wait(self, count: int, kind: str = "completed") -> list[Event]:
        """The distinct events of a kind, once there are `count`."""
        async with asyncio.timeout(PATIENCE), self.more:
            await self.more.wait_for(lambda: len(self.of(kind)) >= count)
        return self.of(kind)

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.seen.values() if event.type == f"fp.inference.{kind}"]


@pytest_asyncio.fixture
async def events(bus: NatsBus):
    seen = Events()
    await bus.ensure((), (COUNTER,))
    async with asyncio.TaskGroup() as group:
        consuming = group.create_task(bus.consume(COUNTER, each(seen.take)))
        yield seen
        consuming.cancel()
