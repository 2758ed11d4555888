"""The experiment service as it runs: real Postgres and NATS, called through gRPC."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
from forgepoint.experiment.v1 import experiment_pb2 as pb
from forgepoint.experiment.v1.experiment_pb2_grpc import ExperimentTrackerServiceStub
from fp_experiment.main import serve
from fp_experiment.settings import Settings
from fp_rpc import BearerToken, Channels
from fp_testkit.http import NO_TLS
from fp_testkit.issuer import SERVICE_SECRET, Issuer
from fp_testkit.patience import PATIENCE
from fp_testkit.services import RunningService
from pydantic import SecretStr


@dataclass
class Caller:
    """A client with one credential; failures are `fp_kernel` errors."""

    stub: Any
    acting: str = ""

    async def __call__(self, request: Any, *, key: str = "") -> Any:
        """The answer of the RPC that this request belongs to."""
        method = getattr(self.stub, type(request).__name__.removesuffix("Request"))
        pairs = [("idempotency-key", key), ("fp-on-behalf-of-team", self.acting)]
        return await method(request, metadata=tuple(pair for pair in pairs if pair[1]))

    async def run(self, name: str = "flights", **more: Any) -> pb.Run:
        experiment = (await self(pb.CreateExperimentRequest(name=name))).experiment
        return (await self(pb.StartRunRequest(experiment_id=experiment.id, **more))).run

    async def log(self, run: pb.Run, values: list[float], *, start: int = 0, key: str = "loss") -> int:
        points = [pb.MetricPoint(key=key, value=value, step=start + n) for n, value in enumerate(values)]
        return (await self(pb.LogMetricsRequest(run_id=run.id, points=points))).accepted_count


@dataclass
class Service:
    service: RunningService
    issuer: Issuer
    stack: AsyncExitStack

    def caller(self, token: str, *, acting: str = "") -> Caller:
        channels = Channels(BearerToken(token))
        self.stack.push_async_callback(channels.close)
        return Caller(ExperimentTrackerServiceStub(channels.open(self.service.grpc_address, timeout=PATIENCE)), acting)

    def engineer(self, team: str = "alpha") -> Caller:
        return self.caller(self.issuer.identity.engineer(team))

    def viewer(self, team: str = "alpha") -> Caller:
        return self.caller(self.issuer.identity.viewer(team))

    def job(self, execution_id: str) -> Caller:
        return self.caller(self.issuer.identity.job("alpha", execution_id))

    def as_service(self, noun: str, *, acting: str) -> Caller:
        """One that may read experiments; today none of the platform's services does."""
        return self.caller(self.issuer.identity.service(noun, scopes=["experiments:read"]), acting=acting)

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(timeout=PATIENCE, verify=NO_TLS) as http:
            return await http.get(f"{self.service.http_url}{path}")


@pytest_asyncio.fixture
async def stack():
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
def settings(experiment_url, nats_url, issuer):
    return Settings(
        grpc_port=0,
        http_port=0,
        bind_host="127.0.0.1",
        env="dev",
        auth_issuer=issuer.url,
        auth_addr=issuer.address,
        service_secret=SecretStr(SERVICE_SECRET),
        database_url=SecretStr(experiment_url),
        nats_url=SecretStr(nats_url),
    )


@pytest.fixture
def start(services, issuer, stack, settings):
    """Start a replica; keyword arguments change its settings."""

    async def starter(**changes):
        return Service(await services("experiment", settings.model_copy(update=changes), serve), issuer, stack)

    return starter


@pytest_asyncio.fixture
async def service(start):
    return await start()


@pytest.fixture
def ann(service):
    """An engineer of team alpha."""
    return service.engineer()
