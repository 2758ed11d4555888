"""The feature store as it runs: real Postgres, NATS and Redis, called through gRPC."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib import resources
from typing import Any

import httpx
import pytest
import pytest_asyncio
import redis
from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from forgepoint.featurestore.v1.featurestore_pb2_grpc import FeatureStoreServiceStub
from fp_events import Broadcast
from fp_featurestore.main import serve
from fp_featurestore.settings import Settings
from fp_rpc import BearerToken, Channels
from fp_testkit.http import NO_TLS
from fp_testkit.issuer import SERVICE_SECRET, Issuer
from fp_testkit.patience import PATIENCE
from fp_testkit.services import RunningService
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.timestamp_pb2 import Timestamp

ALL_TYPES = {
    "temp": "DOUBLE",
    "hour": "INT64",
    "carrier": "STRING",
    "late": "BOOL",
    "landed": "TIMESTAMP",
    "wind": "DOUBLE_LIST",
    "more": "STRUCT",
}


def at(seconds: float) -> Timestamp:
    """A time, in seconds after an arbitrary one."""
    stamp = Timestamp()
    stamp.FromMicroseconds(1_360_000_000_000_000 + round(seconds * 1_000_000))
    return stamp


def definition(name: str = "flights", types: dict[str, str] | None = None, **more: Any) -> pb.DefineFeatureViewRequest:
    specs = [
        pb.FeatureSpec(
            name=feature,
            value_type=pb.FeatureValueType.Value(f"FEATURE_VALUE_TYPE_{kind}"),
            dimension=2 if kind == "DOUBLE_LIST" else 0,
        )
        for feature, kind in (types or {"temp": "DOUBLE", "carrier": "STRING"}).items()
    ]
    entity = pb.Entity(name="flight", join_key="flight_id")
    return pb.DefineFeatureViewRequest(name=name, entity=entity, features=specs, **more)


def values(entity_id: str, event: float | None = None, known: float | None = None, **given: Any) -> pb.FeatureValues:
    row = ParseDict({"entityId": entity_id, "values": given}, pb.FeatureValues())
    if event is not None:
        row.event_time.CopyFrom(at(event))
    if known is not None:
        row.available_at.CopyFrom(at(known))
    return row


@dataclass
class Caller:
    """A client with one credential; failures are `fp_kernel` errors."""

    stub: Any

    async def __call__(self, request: Any, **headers: str) -> Any:
        """The answer of the RPC that this request belongs to."""
        metadata = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        return await self._method(request)(request, metadata=metadata)

    async def stream(self, request: Any) -> list[Any]:
        return [message async for message in self._method(request)(request)]

    async def define(self, *arguments: Any, **more: Any) -> pb.FeatureView:
        return (await self(definition(*arguments, **more))).feature_view

    async def write(self, view: pb.FeatureView, *rows: pb.FeatureValues, key: str = "") -> pb.WriteFeaturesResponse:
        return await self(pb.WriteFeaturesRequest(feature_view_id=view.id, features=rows, idempotency_key=key))

    async def online(self, view: pb.FeatureView, *entity_ids: str, names: Any = ()) -> dict[str, Any]:
        """Values by entity, as JSON has them."""
        request = pb.GetOnlineFeaturesRequest(feature_view_id=view.id, entity_ids=entity_ids, feature_names=names)
        return plain((await self(request)).vectors)

    async def past(self, view: pb.FeatureView, as_of: float, *entity_ids: str, known: float | None = None) -> Any:
        request = pb.GetHistoricalFeaturesRequest(feature_view_id=view.id, entity_ids=entity_ids, as_of=at(as_of))
        if known is not None:
            request.known_as_of.CopyFrom(at(known))
        return plain((await self(request)).vectors)

    def _method(self, request: Any) -> Any:
        return getattr(self.stub, type(request).__name__.removesuffix("Request"))


def plain(vectors: Any) -> dict[str, Any]:
    return {vector.entity_id: MessageToDict(vector).get("values", {}) for vector in vectors}


@dataclass
class FeatureStore:
    service: RunningService
    issuer: Issuer
    stack: AsyncExitStack
    settings: Settings

    def caller(self, token: str) -> Caller:
        channels = Channels(BearerToken(token))
        self.stack.push_async_callback(channels.close)
        return Caller(FeatureStoreServiceStub(channels.open(self.service.grpc_address, timeout=PATIENCE)))

    def admin(self, team: str = "alpha") -> Caller:
        return self.caller(self.issuer.identity.admin(team))

    def engineer(self, team: str = "alpha") -> Caller:
        return self.caller(self.issuer.identity.engineer(team))

    def viewer(self, team: str = "alpha") -> Caller:
        return self.caller(self.issuer.identity.viewer(team))

    def job(self, team: str = "alpha") -> Caller:
        return self.caller(self.issuer.identity.job(team))

    async def ready(self) -> Any:
        async with httpx.AsyncClient(timeout=PATIENCE, verify=NO_TLS) as http:
            return (await http.get(f"{self.service.http_url}/readyz")).json()


@pytest_asyncio.fixture
async def stack():
    async with AsyncExitStack() as opened:
        yield opened


@pytest_asyncio.fixture
async def settings(databases, nats_url, redis_url, issuer):
    return Settings(
        grpc_port=0,
        http_port=0,
        bind_host="127.0.0.1",
        auth_issuer=issuer.url,
        auth_addr=issuer.address,
        service_secret=SERVICE_SECRET,
        env="dev",
        database_url=await databases.create(resources.files("fp_featurestore") / "migrations", service="featurestore"),
        nats_url=nats_url,
        redis_url=redis_url,
        redis_timeout=PATIENCE,
    )


@pytest.fixture
def start(services, issuer, stack, settings) -> Callable[..., Any]:
    """Start a replica; keyword arguments change its settings."""

    async def starter(**changes: Any) -> FeatureStore:
        changed = Settings(**{**settings.model_dump(), **changes})
        return FeatureStore(await services("featurestore", changed, serve), issuer, stack, changed)

    return starter


@pytest_asyncio.fixture
async def store(start):
    return await start()


@pytest.fixture
def ann(store):
    """An engineer of team alpha."""
    return store.engineer()


@pytest.fixture
def admin(store):
    return store.admin()


@pytest.fixture
def cache(redis_look_url):
    with redis.Redis.from_url(redis_look_url) as client:
        yield client


@pytest.fixture(scope="session")
def make():
    """Requests and times: `make.values(...)`, `make.definition(...)`, `make.at(...)`."""

    class Make:
        values = staticmethod(values)
        definition = staticmethod(definition)
        at = staticmethod(at)
        plain = staticmethod(plain)
        all_types = ALL_TYPES

    return Make


@pytest.fixture
def events_until(bus):
    """What the bus stores of features, up to the first event of a type."""

    async def listen(kind: str) -> list[Any]:
        found, enough = [], asyncio.Event()

        async def note(event: Any) -> None:
            found.append(event)
            if event.type == kind:
                enough.set()

        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            listening = group.create_task(bus.broadcast(Broadcast("test", ("fp.features.>",), deliver="all"), note))
            await enough.wait()
            listening.cancel()
        return found

    return listen
