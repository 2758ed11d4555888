"""A registry that serves what a test gives it."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from forgepoint.registry.v1 import registry_pb2 as registry
from forgepoint.registry.v1.registry_pb2_grpc import RegistryServiceServicer, add_RegistryServiceServicer_to_server
from forgepoint.serving.v1 import serving_pb2 as serving
from forgepoint.serving.v1.serving_pb2_grpc import ModelServingServiceStub
from fp_kernel import NotFound, Unavailable
from fp_rpc import BearerToken, Channels, Server, current_call
from fp_serving.main import serve
from fp_serving.settings import Settings
from fp_telemetry import Metrics
from fp_testkit.buckets import Bucket
from fp_testkit.issuer import SERVICE_SECRET, Issuer
from fp_testkit.patience import PATIENCE
from fp_testkit.services import RunningService, ServiceFactory

VERSION_ID = "0190a000-0000-7000-8000-000000000001"
Context = grpc.aio.ServicerContext[Any, Any]


@dataclass
class FakeRegistry(RegistryServiceServicer):
    """away: answers UNAVAILABLE this many times. teams: on whose behalf it was asked.

    others: versions of the model `delays` beside the one that `put` makes, by label.
    """

    bucket: Bucket
    others: dict[str, registry.ModelVersion] = field(default_factory=dict)
    digest: str = ""
    size: int = 0
    away: int = 0
    address: str = ""
    teams: list[str] = field(default_factory=list)

    def put(self, artifact: bytes, *, digest: str = "") -> None:
        """digest: what the registry claims, when it is not the truth."""
        self.digest = digest or f"sha256:{hashlib.sha256(artifact).hexdigest()}"
        self.size = len(artifact)
        self.bucket.client().put_object(self.bucket.name, "artifact", io.BytesIO(artifact), len(artifact))

    def put_file(self, artifact: Path) -> None:
        self.put(artifact.read_bytes())

    def add(self, label: str, artifact: bytes) -> str:
        """Another version; answers its id."""
        version = registry.ModelVersion(
            id=f"{VERSION_ID[:-4]}{1000 + int(label)}",
            model_id="m",
            version=label,
            artifact_digest=f"sha256:{hashlib.sha256(artifact).hexdigest()}",
            size_bytes=len(artifact),
            status=registry.VERSION_STATUS_READY,
        )
        self.others[label] = version
        self.bucket.client().put_object(self.bucket.name, version.id, io.BytesIO(artifact), len(artifact))
        return version.id

    async def GetModel(self, request: registry.GetModelRequest, context: Context) -> registry.GetModelResponse:
        self._ask()
        if request.name != "delays":
            raise NotFound("no such model")
        return registry.GetModelResponse(model=registry.Model(id="m", name="delays"))

    async def GetVersion(self, request: registry.GetVersionRequest, context: Context) -> registry.GetVersionResponse:
        self._ask()
        for other in self.others.values():
            if request.id == other.id or (request.model_id, request.version) == ("m", other.version):
                return registry.GetVersionResponse(version=other)
        if request.id != VERSION_ID:
            raise NotFound("no such version")
        version = registry.ModelVersion(
            id=VERSION_ID,
            model_id="m",
            version="3",
            artifact_digest=self.digest,
            size_bytes=self.size,
            status=registry.VERSION_STATUS_READY,
        )
        return registry.GetVersionResponse(version=version)

    async def GetDownloadURL(
        self, request: registry.GetDownloadURLRequest, context: Context
    ) -> registry.GetDownloadURLResponse:
        self._ask()
        name = request.version_id if request.version_id != VERSION_ID else "artifact"
        url = self.bucket.client().presigned_get_object(self.bucket.name, name, timedelta(minutes=5))
        return registry.GetDownloadURLResponse(download_url=url, artifact_digest=self.digest)

    def _ask(self) -> None:
        self.teams.append(current_call().team)
        if self.away:
            self.away -= 1
            raise Unavailable("the registry is away")


@pytest_asyncio.fixture
async def registry_server(issuer: Issuer, s3: Bucket) -> AsyncIterator[FakeRegistry]:
    fake = FakeRegistry(s3)
    server = Server("registry", resolver=issuer.identity.resolver(), metrics=Metrics("registry"))
    server.add(add_RegistryServiceServicer_to_server, fake)
    fake.address = f"127.0.0.1:{await server.start('127.0.0.1:0')}"
    server.set_serving(True)
    yield fake
    await server.stop(0)


@pytest.fixture
def settings(issuer: Issuer, registry_server: FakeRegistry, tmp_path: Path) -> Settings:
    return Settings(
        grpc_port=0,
        http_port=0,
        bind_host="127.0.0.1",
        auth_issuer=issuer.url,
        auth_addr=issuer.address,
        registry_addr=registry_server.address,
        service_secret=SERVICE_SECRET,
        serving_team="alpha",
        serving_version_id=VERSION_ID,
        serving_model_name="delays",
        serving_cache_dir=tmp_path / "cache",
    )


@pytest.fixture
def start(services: ServiceFactory, settings: Settings) -> Callable[..., Awaitable[RunningService]]:
    async def run(**changes: Any) -> RunningService:
        return await services("serving", settings.model_copy(update=changes), serve)

    return run


@pytest_asyncio.fixture
async def channel(issuer: Issuer) -> AsyncIterator[Callable[..., grpc.aio.Channel]]:
    """Channels to a running service with a token; the default is the service `inference`, acting for nobody."""
    opened: list[Channels] = []

    def make(service: RunningService, token: str | None = None) -> grpc.aio.Channel:
        channels = Channels(BearerToken(token or issuer.identity.service("inference")))
        opened.append(channels)
        return channels.open(service.grpc_address, timeout=PATIENCE)

    yield make
    for channels in opened:
        await channels.close()


@pytest.fixture
def ready() -> Callable[[ModelServingServiceStub], Awaitable[None]]:
    """Waits until the model of a runtime is READY."""

    async def wait(stub: ModelServingServiceStub) -> None:
        async with asyncio.timeout(PATIENCE):
            while True:
                response = await stub.GetModelStatus(serving.GetModelStatusRequest())
                if response.status.state == serving.MODEL_STATE_READY:
                    return
                await asyncio.sleep(0.02)

    return wait
