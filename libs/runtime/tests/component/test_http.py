import asyncio
import json

import pytest
from fp_runtime import Runtime, ServiceSettings, run
from fp_testkit.patience import PATIENCE
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


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


class Draining:
    """A gRPC server whose stop takes as long as a test says."""

    def __init__(self) -> None:
        self.draining, self.go_on = asyncio.Event(), asyncio.Event()

    async def start(self, _address: str, _certificates: object = None) -> int:
        return 1

    def set_serving(self, _serving) -> None:
        """Nobody asks."""

    async def stop(self, _grace: float) -> None:
        self.draining.set()
        await self.go_on.wait()


@pytest.fixture
def settings():
    return Settings(
        auth_issuer="http://auth:8080",
        service_secret="s" * 32,
        bind_host="127.0.0.1",
        grpc_port=0,
        http_port=0,
        drain_timeout=PATIENCE,
    )


async def get(port: int, path: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split()[1]), body


async def test_the_process_shows_life_while_it_still_opens_its_stores_and_is_not_ready(settings):
    migrating: asyncio.Future[Runtime] = asyncio.get_running_loop().create_future()
    go_on = asyncio.Event()

    async def serve(runtime: Runtime, _settings: Settings) -> None:
        migrating.set_result(runtime)
        await go_on.wait()
        await runtime.serve(None)

    async with asyncio.TaskGroup() as group:
        life = group.create_task(run("example", settings, serve))
        runtime = await migrating
        assert (await get(runtime.http_port, "/livez"))[0] == 200
        status, body = await get(runtime.http_port, "/readyz")
        assert (status, json.loads(body)["status"]) == (503, "starting")
        runtime.stop()
        go_on.set()
        await life


async def test_readiness_follows_hard_dependencies_and_names_them(services, settings, monkeypatch):
    monkeypatch.setattr("fp_runtime.health.MAX_AGE", -1.0)
    postgres, nats = Store(), Store()

    async def serve(runtime: Runtime, _settings: Settings) -> None:
        await runtime.hard("postgres", postgres.connect, Store.ping, Store.close)
        await runtime.soft("nats", nats.connect, Store.ping, Store.close)
        await runtime.serve(None)

    runtime = (await services("example", settings, serve)).runtime
    assert await get(runtime.http_port, "/livez") == (200, '{"status":"ok","service":"example"}')

    nats.up = False
    status, body = await get(runtime.http_port, "/readyz")
    assert (status, json.loads(body)["status"], json.loads(body)["down"]) == (200, "degraded", ["nats"])

    postgres.up = False
    status, body = await get(runtime.http_port, "/readyz")
    assert (status, json.loads(body)["status"]) == (503, "unavailable")
    assert json.loads(body)["dependencies"] == {"postgres": "down", "nats": "down"}
    assert (await get(runtime.http_port, "/healthz"))[0] == 200


async def test_the_service_is_not_ready_while_it_drains(services, settings):
    rpc = Draining()

    async def serve(runtime: Runtime, _settings: Settings) -> None:
        await runtime.serve(rpc)

    runtime = (await services("example", settings, serve)).runtime
    runtime.stop()
    await rpc.draining.wait()
    status, body = await get(runtime.http_port, "/readyz")
    assert (status, json.loads(body)["status"]) == (503, "stopping")
    assert (await get(runtime.http_port, "/livez"))[0] == 200
    rpc.go_on.set()


async def test_metrics_and_own_routes_answer_on_the_http_port(services, settings):
    async def jwks(_request: Request) -> Response:
        return PlainTextResponse("keys")

    store = Store()

    async def serve(runtime: Runtime, _settings: Settings) -> None:
        await runtime.hard("postgres", store.connect, Store.ping, Store.close)
        runtime.metrics.counter("answers_total", "Answers.").inc()
        runtime.route("/.well-known/jwks.json", jwks)
        await runtime.serve(None)

    runtime = (await services("example", settings, serve)).runtime
    assert await get(runtime.http_port, "/.well-known/jwks.json") == (200, "keys")
    _, text = await get(runtime.http_port, "/metrics")
    assert "fp_example_answers_total 1.0" in text
    assert "fp_example_event_loop_lag_seconds" in text
    assert 'fp_example_dependency_up{dependency="postgres"} 1.0' in text


async def test_a_second_application_has_its_own_port(services, settings):
    async def hello(_request: Request) -> Response:
        return PlainTextResponse("hello")

    servers = []

    async def serve(runtime: Runtime, _settings: Settings) -> None:
        servers.append(runtime.listen("FP_GATEWAY_HTTP_PORT", Starlette(routes=[Route("/", hello)]), 0))
        await runtime.serve(None)

    runtime = (await services("example", settings, serve)).runtime
    assert servers[0].port != runtime.http_port
    assert await get(servers[0].port, "/") == (200, "hello")
    assert (await get(servers[0].port, "/livez"))[0] == 404
