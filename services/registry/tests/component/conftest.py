"""The registry as it runs: real Postgres, NATS, Redis and object store, called through gRPC."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

import httpx
import pytest
import pytest_asyncio
import redis
from forgepoint.common.v1 import model_pb2
from forgepoint.registry.v1 import registry_pb2 as pb
from forgepoint.registry.v1.registry_pb2_grpc import RegistryServiceStub
from fp_events import Broadcast
from fp_registry.main import serve
from fp_registry.settings import Settings
from fp_rpc import BearerToken, Channels
from fp_testkit.http import NO_TLS
from fp_testkit.issuer import SERVICE_SECRET, Issuer
from fp_testkit.patience import PATIENCE
from fp_testkit.services import RunningService
from google.protobuf import json_format

POSITION = "fp-position"
INLINE = 1_000_000


def signature() -> model_pb2.Signature:
    return json_format.ParseDict(
        {
            "inputs": [
                {
                    "name": "features",
                    "type": "TENSOR_TYPE_FLOAT32",
                    "shape": ["-1", "2"],
                    "columns": [{"name": "hour"}, {"name": "carrier", "categories": ["AA", "UA"]}],
                }
            ],
            "outputs": [{"name": "probabilities", "type": "TENSOR_TYPE_FLOAT32", "shape": ["-1", "2"]}],
        },
        model_pb2.Signature(),
    )


def baseline() -> model_pb2.BaselineProfile:
    return json_format.ParseDict(
        {
            "features": [
                {"name": "hour", "numeric": {"edges": [6.0, 12.0], "counts": ["1", "2", "3"]}},
                {"name": "carrier", "categorical": {"labels": ["AA", "UA"], "counts": ["4", "2"]}},
            ],
            "prediction": {"labels": ["on time", "late"], "labelCounts": ["4", "2"]},
            "metrics": {"auc": 0.71},
            "sampleCount": "6",
        },
        model_pb2.BaselineProfile(),
    )


@dataclass
class Caller:
    """A client with one credential; failures are `fp_kernel` errors.

    written: where its writes are, by model, for one whose reads wait to see them; None for one that takes what comes.
    """

    stub: Any
    http: httpx.AsyncClient
    acting: str = ""
    written: dict[str, str] | None = None

    async def __call__(self, request: Any, *, position: str = "", key: str = "") -> Any:
        """The answer of the RPC that this request belongs to."""
        return (await self.with_trailers(request, position=position, key=key))[0]

    async def with_trailers(self, request: Any, *, position: str = "", key: str = "") -> tuple[Any, dict[str, str]]:
        """The answer and its trailing metadata."""
        method = getattr(self.stub, type(request).__name__.removesuffix("Request"))
        position = position or ",".join((self.written or {}).values())
        pairs = [(POSITION, position), ("idempotency-key", key), ("fp-on-behalf-of-team", self.acting)]
        call = method(request, metadata=tuple(pair for pair in pairs if pair[1]))
        answer = await call
        with_trailers = dict(tuple(await call.trailing_metadata() or ()))
        if self.written is not None and POSITION in with_trailers:
            self.written[with_trailers[POSITION].partition(":")[0]] = with_trailers[POSITION]
        return answer, with_trailers

    async def register(self, name: str = "flights", **more: Any) -> pb.Model:
        return (await self(pb.RegisterModelRequest(name=name, **more))).model

    async def create(self, model: pb.Model, **more: Any) -> pb.CreateVersionResponse:
        return await self(pb.CreateVersionRequest(model_id=model.id, **more))

    async def upload(self, model: pb.Model, content: bytes = b"onnx", **more: Any) -> pb.ModelVersion:
        """A version whose artifact is uploaded and not confirmed."""
        created = await self.create(model, **more)
        assert (await self.http.put(created.upload_url, content=content)).status_code == 200
        return created.version

    async def ready(self, model: pb.Model, content: bytes = b"onnx", **more: Any) -> pb.ModelVersion:
        version = await self.upload(model, content, **more)
        return (await self(pb.ConfirmVersionUploadRequest(version_id=version.id))).version

    async def promote(self, version: pb.ModelVersion, stage: int = pb.MODEL_STAGE_PRODUCTION) -> Any:
        return await self(pb.PromoteVersionRequest(version_id=version.id, target_stage=stage))


@dataclass
class Registry:
    service: RunningService
    issuer: Issuer
    stack: AsyncExitStack
    http: httpx.AsyncClient
    settings: Settings

    def caller(self, token: str, *, acting: str = "") -> Caller:
        channels = Channels(BearerToken(token))
        self.stack.push_async_callback(channels.close)
        return Caller(
            RegistryServiceStub(channels.open(self.service.grpc_address, timeout=PATIENCE)), self.http, acting
        )

    def engineer(self, team: str = "alpha") -> Caller:
        return self.caller(self.issuer.identity.engineer(team))

    def viewer(self, team: str = "alpha") -> Caller:
        return self.caller(self.issuer.identity.viewer(team))

    def as_service(self, noun: str, *, acting: str) -> Caller:
        return self.caller(self.issuer.identity.service(noun), acting=acting)

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(f"{self.service.http_url}{path}")


@pytest_asyncio.fixture
async def stack():
    async with AsyncExitStack() as opened:
        yield opened


@pytest_asyncio.fixture
async def http(stack):
    return await stack.enter_async_context(httpx.AsyncClient(timeout=PATIENCE, verify=NO_TLS))


@pytest_asyncio.fixture
async def settings(databases, nats_url, redis_url, s3, issuer):
    return Settings(
        grpc_port=0,
        http_port=0,
        bind_host="127.0.0.1",
        auth_issuer=issuer.url,
        auth_addr=issuer.address,
        service_secret=SERVICE_SECRET,
        env="dev",
        database_url=await databases.create(resources.files("fp_registry") / "migrations", service="registry"),
        nats_url=nats_url,
        redis_url=redis_url,
        redis_timeout=PATIENCE,
        s3_endpoint=s3.endpoint,
        s3_public_endpoint=s3.endpoint,
        s3_bucket=s3.name,
        s3_access_key=s3.access_key,
        s3_secret_key=s3.secret_key,
        registry_verify_inline_bytes=INLINE,
    )


@pytest.fixture
def start(services, issuer, stack, http, settings) -> Callable[..., Any]:
    """Start a replica; keyword arguments change its settings."""

    async def starter(**changes: Any) -> Registry:
        changed = Settings(**{**settings.model_dump(), **changes})
        return Registry(await services("registry", changed, serve), issuer, stack, http, changed)

    return starter


@pytest_asyncio.fixture
async def registry(start):
    return await start()


@pytest.fixture
def ann(registry):
    """An engineer of team alpha who sees what she wrote."""
    return replace(registry.engineer(), written={})


@pytest.fixture
def store(redis_look_url):
    with redis.Redis.from_url(redis_look_url) as client:
        yield client


@pytest.fixture
def events_until(bus):
    """What the bus stores of models, up to the first event of a type."""

    async def listen(kind: str) -> list[Any]:
        found, enough = [], asyncio.Event()

        async def note(event: Any) -> None:
            found.append(event)
            if event.type == kind:
                enough.set()

        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            listening = group.create_task(bus.broadcast(Broadcast("test", ("fp.models.>",), deliver="all"), note))
            await enough.wait()
            listening.cancel()
        return found

    return listen


@pytest.fixture
def described():
    """What a trained version says of itself."""
    return {"signature": signature(), "baseline_profile": baseline(), "run_id": "run-1"}
