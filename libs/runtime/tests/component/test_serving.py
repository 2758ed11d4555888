"""The runtime together with the gRPC server of the platform."""

import asyncio

import grpc
import pytest
from fp_rpc import JwtResolver, Server, StaticJwks
from fp_runtime import Runtime, ServiceSettings, StartFailed, run
from fp_testkit.patience import PATIENCE
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc


class Settings(ServiceSettings):
    """The common settings."""


class Store:
    up = True

    async def connect(self) -> "Store":
        return self

    async def ping(self) -> None:
        if not self.up:
            raise ConnectionError

    async def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def store():
    return Store()


@pytest.fixture
async def start(services, store, monkeypatch):
    monkeypatch.setattr("fp_runtime.health.MAX_AGE", -1.0)
    monkeypatch.setattr("fp_runtime.runtime._WATCH_INTERVAL", 0.01)

    async def serve(runtime: Runtime, settings: Settings) -> None:
        await runtime.hard("postgres", store.connect, Store.ping, Store.close)
        resolver = JwtResolver(settings.auth_issuer, StaticJwks({"keys": []}))
        await runtime.serve(
            Server("example", resolver=resolver, metrics=runtime.metrics, reflection=settings.reflection)
        )

    async def begin(**settings):
        common = {"auth_issuer": "http://auth:8080", "service_secret": "s" * 32, "bind_host": "127.0.0.1"}
        return await services("example", Settings(**common, grpc_port=0, http_port=0, **settings), serve)

    return begin


async def test_grpc_health_says_serving_while_the_stores_answer(start, store):
    service = await start()
    async with grpc.aio.insecure_channel(service.grpc_address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        assert (await health.Check(health_pb2.HealthCheckRequest())).status == 1

        watch = health.Watch(health_pb2.HealthCheckRequest())
        async with asyncio.timeout(PATIENCE):
            assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
            store.up = False
            assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
            store.up = True
            assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()


async def test_reflection_is_there_only_when_the_setting_says_so(start):
    async def services_of(address: str) -> list[str]:
        async with grpc.aio.insecure_channel(address) as channel:
            stub = reflection_pb2_grpc.ServerReflectionStub(channel)
            call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
            answer = await call.read()
            return [service.name for service in answer.list_services_response.service]

    with pytest.raises(grpc.aio.AioRpcError):
        await services_of((await start()).grpc_address)
    assert "grpc.health.v1.Health" in await services_of((await start(reflection=True)).grpc_address)


async def test_a_taken_grpc_port_is_named_by_its_variable(start):
    service = await start()
    port = int(service.grpc_address.rpartition(":")[2])

    async def serve(runtime: Runtime, settings: Settings) -> None:
        resolver = JwtResolver(settings.auth_issuer, StaticJwks({"keys": []}))
        await runtime.serve(Server("example", resolver=resolver, metrics=runtime.metrics))

    settings = service.runtime.settings.model_copy(update={"grpc_port": port})
    with pytest.raises(StartFailed, match="FP_GRPC_PORT"):
        await run("example", settings, serve)
