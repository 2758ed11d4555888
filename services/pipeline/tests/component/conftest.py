"""pipeline as it runs: real Postgres, NATS and object store, called through gRPC."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib import resources
from typing import Any

import nats
import pytest
from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from forgepoint.pipeline.v1 import pipeline_pb2_grpc
from fp_pipeline.main import serve
from fp_pipeline.settings import PipelineSettings
from fp_rpc import BearerToken, Channels
from fp_testkit.issuer import SERVICE_SECRET, Issuer
from fp_testkit.patience import PATIENCE
from fp_testkit.services import RunningService
from google.protobuf import json_format

MIGRATIONS = resources.files("fp_pipeline") / "migrations"
Stub = pipeline_pb2_grpc.PipelineOrchestratorServiceStub


@dataclass
class Client:
    """A caller of one replica. Failures are `fp_kernel` errors."""

    stub: Any

    async def create(self, document: dict[str, Any], **changes: Any) -> pb.PipelineDefinition:
        request = json_format.ParseDict({**document, **changes}, pb.CreatePipelineRequest())
        return (await self.stub.CreatePipeline(request)).pipeline

    async def trigger(self, pipeline_id: str, key: str = "", **given: Any) -> pb.Execution:
        request = pb.TriggerExecutionRequest(pipeline_id=pipeline_id, idempotency_key=key)
        request.input.update(given)
        return (await self.stub.TriggerExecution(request)).execution

    async def get(self, execution_id: str) -> pb.Execution:
        return (await self.stub.GetExecution(pb.GetExecutionRequest(execution_id=execution_id))).execution

    async def watch(self, execution_id: str, **options: Any) -> list[pb.WatchExecutionResponse]:
        """Every message until the execution has ended, from the first transition on."""
        options = options or {"from_start": True}
        request = pb.WatchExecutionRequest(execution_id=execution_id, **options)
        return [message async for message in self.stub.WatchExecution(request)]

    async def ended(self, execution_id: str) -> pb.Execution:
        await self.watch(execution_id)
        return await self.get(execution_id)


@dataclass
class SmallStream:
    """The stream of predictions, with room for some of them."""

    server: Any

    async def has_dropped(self, number: int) -> None:
        """Waits until that many messages are gone and the copying has come to rest."""
        async with asyncio.timeout(PATIENCE):
            while (await self._state("INFERENCE")).messages or (await self._state("PREDICTIONS")).first_seq <= number:
                await asyncio.sleep(0.02)

    async def _state(self, stream: str) -> Any:
        return (await self.server.stream_info(stream)).state


@pytest.fixture
async def small_stream(nats_look_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SmallStream]:
    """Before `bus` and `replica` in a test's parameters: the first one makes the stream."""
    monkeypatch.setenv("FP_STREAM_PREDICTIONS_MAX_BYTES", "30000")
    connected = await nats.connect(nats_look_url, connect_timeout=int(PATIENCE))
    yield SmallStream(connected.jetstream(timeout=PATIENCE))
    await connected.close()


Replica = Callable[..., Awaitable[RunningService]]


@pytest.fixture
async def settings(databases, nats_url, s3, issuer, peers) -> PipelineSettings:
    return PipelineSettings(
        grpc_port=0,
        http_port=0,
        bind_host="127.0.0.1",
        env="dev",
        auth_issuer=issuer.url,
        auth_addr=issuer.address,
        registry_addr=peers.registry,
        inference_addr=peers.inference,
        service_secret=SERVICE_SECRET,
        database_url=await databases.create(MIGRATIONS, service="pipeline"),
        nats_url=nats_url,
        s3_endpoint=s3.endpoint,
        s3_public_endpoint=s3.endpoint,
        s3_bucket=s3.name,
        s3_access_key=s3.access_key,
        s3_secret_key=s3.secret_key,
        supervisor_socket=str(peers.socket),
        pipeline_job_modules="work",
        pipeline_lease_seconds=1.0,
        pipeline_drain_seconds=0.0,
        pipeline_backoff_seconds=0.05,
        pipeline_reconcile_seconds=0.2,
    )


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Looks until a condition holds."""

    async def look(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.01)

    return look


@pytest.fixture
async def replica(settings, services) -> Replica:
    """Start one more replica; `services` comes last, so that they stop before their stores go. changes: of settings."""

    async def start(**changes: object) -> RunningService:
        running: RunningService = await services("pipeline", settings.model_copy(update=changes), serve)
        return running

    return start


@pytest.fixture
async def client(issuer: Issuer) -> AsyncIterator[Callable[..., Client]]:
    """`client(address, role="engineer", team="alpha")`."""
    async with AsyncExitStack() as stack:

        def call(address: str, *, role: str = "engineer", team: str = "alpha") -> Client:
            token = issuer.identity.service("inference") if role == "service" else getattr(issuer.identity, role)(team)
            channels = Channels(BearerToken(token))
            stack.push_async_callback(channels.close)
            return Client(Stub(channels.open(address, timeout=PATIENCE)))

        yield call
