import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from fp_runtime import Runtime, ServiceSettings, StartFailed, TaskFailed, run
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


class Settings(ServiceSettings):
    """The common settings."""


class Store:
    def __init__(self, events: list[str], name: str) -> None:
        self.events = events
        self.name = name
        self.up = True

    async def connect(self) -> "Store":
        self.events.append(f"open {self.name}")
        return self

    async def ping(self) -> None:
        if not self.up:
            raise ConnectionError

    async def close(self) -> None:
        self.events.append(f"close {self.name}")


class Rpc:
    """Stands for a gRPC server."""

    def __init__(self, events: list[str]) -> None:
        self.events = events
        self.address = ""
        self.states: list[bool] = []

    async def start(self, address: str) -> int:
        self.events.append("start rpc")
        self.address = address
        return 4711

    def set_serving(self, serving) -> None:
        self.states.append(serving)

    async def stop(self, grace: float) -> None:
        assert 0 < grace <= 2
        self.events.append("stop rpc")


@pytest.fixture
def settings():
    return Settings(
        auth_issuer="http://auth:8080",
        service_secret="s" * 32,
        bind_host="127.0.0.1",
        grpc_port=0,
        http_port=0,
        drain_timeout=2,
    )


@asynccontextmanager
async def living(settings, serve):
    """A service that serves; stopped at the end."""
    ready: asyncio.Future[Runtime] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        life = group.create_task(run("example", settings, serve, ready=ready.set_result))
        runtime = await ready
        try:
            yield runtime
        finally:
            runtime.stop()
            await life


async def get(port: int, path: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split()[1]), body


async def test_everything_opens_in_order_and_closes_in_reverse_order_after_the_drain(settings):
    events: list[str] = []
    rpc = Rpc(events)

    async def relay() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            events.append("end relay")

    async def serve(runtime: Runtime, _settings: Settings) -> None:
        for store in (Store(events, "postgres"), Store(events, "nats")):
            await runtime.hard(store.name, store.connect, Store.ping, Store.close)
        runtime.task("relay", relay())
        await runtime.serve(rpc)

    async with living(settings, serve) as runtime:
        assert runtime.grpc_port == 4711
        assert rpc.address == "127.0.0.1:0"

    assert events == [
        "open postgres", "open nats", "start rpc", "stop rpc", "end relay", "close nats", "close postgres",
    ]  # fmt: skip
    assert (rpc.states[0], rpc.states[-1]) == (True, False)


async def test_readiness_follows_hard_dependencies_and_names_them(settings, monkeypatch):
    monkeypatch.setattr("fp_runtime.health.MAX_AGE", -1.0)
    postgres, nats = Store([], "postgres"), Store([], "nats")

    async def serve(runtime: Runtime, _settings: Settings) -> None:
        await runtime.hard("postgres", postgres.connect, Store.ping, Store.close)
        await runtime.soft("nats", nats.connect, Store.ping, Store.close)
        await runtime.serve(None)

    async with living(settings, serve) as runtime:
        assert await get(runtime.http_port, "/livez") == (200, '{"status":"ok","service":"example"}')

        nats.up = False
        status, body = await get(runtime.http_port, "/readyz")
        assert (status, json.loads(body)["status"], json.loads(body)["down"]) == (200, "degraded", ["nats"])

        postgres.up = False
        status, body = await get(runtime.http_port, "/readyz")
        assert (status, json.loads(body)["status"]) == (503, "unavailable")
        assert json.loads(body)["dependencies"] == {"postgres": "down", "nats": "down"}
        assert (await get(runtime.http_port, "/healthz"))[0] == 200


async def test_grpc_health_follows_readiness(settings, monkeypatch):
    monkeypatch.setattr("fp_runtime.health.MAX_AGE", -1.0)
    monkeypatch.setattr("fp_runtime.runtime._WATCH_INTERVAL", 0.0)
    postgres = Store([], "postgres")
    changed = asyncio.Event()

    class Watched(Rpc):
        def set_serving(self, serving) -> None:
            super().set_serving(serving)
            if not serving:
                changed.set()

    rpc = Watched([])

    async def serve(runtime: Runtime, _settings: Settings) -> None:
        await runtime.hard("postgres", postgres.connect, Store.ping, Store.close)
        await runtime.serve(rpc)

    async with living(settings, serve):
        assert rpc.states[0]
        postgres.up = False
        async with asyncio.timeout(5):
            await changed.wait()


async def test_the_service_is_not_ready_while_it_drains(settings):
    draining, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Rpc):
        async def stop(self, _grace: float) -> None:
            draining.set()
            await go_on.wait()

    async def serve(runtime: Runtime, _settings: Settings) -> None:
        await runtime.serve(Slow([]))

    async with living(settings, serve) as runtime:
        runtime.stop()
        await draining.wait()
        status, body = await get(runtime.http_port, "/readyz")
        assert (status, json.loads(body)["status"]) == (503, "stopping")
        assert (await get(runtime.http_port, "/livez"))[0] == 200
        go_on.set()


async def test_metrics_and_own_routes_answer_on_the_http_port(settings, monkeypatch):
    async def jwks(_request: Request) -> Response:
        return PlainTextResponse("keys")

    store = Store([], "postgres")

    async def serve(runtime: Runtime, _settings: Settings) -> None:
        await runtime.hard("postgres", store.connect, Store.ping, Store.close)
        runtime.metrics.counter("answers_total", "Answers.").inc()
        runtime.route("/.well-known/jwks.json", jwks)
        await runtime.serve(None)

    async with living(settings, serve) as runtime:
        assert await get(runtime.http_port, "/.well-known/jwks.json") == (200, "keys")
        _, text = await get(runtime.http_port, "/metrics")
        assert "fp_example_answers_total 1.0" in text
        assert "fp_example_event_loop_lag_seconds" in text
        assert 'fp_example_dependency_up{dependency="postgres"} 1.0' in text


async def test_a_second_application_has_its_own_port(settings):
    async def hello(_request: Request) -> Response:
        return PlainTextResponse("hello")

    servers = []

    async def serve(runtime: Runtime, _settings: Settings) -> None:
        servers.append(runtime.listen("FP_GATEWAY_HTTP_PORT", Starlette(routes=[Route("/", hello)]), 0))
        await runtime.serve(None)

    async with living(settings, serve) as runtime:
        assert servers[0].port != runtime.http_port
        assert await get(servers[0].port, "/") == (200, "hello")
        assert (await get(servers[0].port, "/livez"))[0] == 404


async def test_what_was_opened_before_a_failed_start_is_closed(settings):
    events: list[str] = []
    store = Store(events, "postgres")

    async def serve(runtime: Runtime, _settings: Settings) -> None:
        await runtime.hard("postgres", store.connect, Store.ping, Store.close)
        raise StartFailed("migrations are missing")

    with pytest.raises(StartFailed, match="migrations are missing"):
        await run("example", settings, serve)

    assert events == ["open postgres", "close postgres"]


async def test_a_close_that_fails_or_hangs_does_not_keep_the_others_open(settings, monkeypatch):
    monkeypatch.setattr("fp_runtime.runtime.CLOSE_TIMEOUT", 0.01)
    events: list[str] = []

    async def fail() -> None:
        raise ConnectionError

    async def serve(runtime: Runtime, _settings: Settings) -> None:
        await runtime.hard("postgres", Store(events, "postgres").connect, Store.ping, Store.close)
        runtime.on_close(fail)
        runtime.on_close(asyncio.Event().wait)

    await run("example", settings, serve)

    assert events == ["open postgres", "close postgres"]


async def test_a_server_that_fails_to_stop_does_not_keep_the_rest_open(settings):
    events: list[str] = []

    class Broken(Rpc):
        async def stop(self, _grace: float) -> None:
            raise RuntimeError

    async def serve(runtime: Runtime, _settings: Settings) -> None:
        await runtime.hard("postgres", Store(events, "postgres").connect, Store.ping, Store.close)
        await runtime.serve(Broken(events))

    async with living(settings, serve):
        """Serves."""

    assert events == ["open postgres", "start rpc", "close postgres"]


async def test_a_soft_dependency_that_cannot_be_set_up_is_named(settings):
    async def connect() -> Store:
        raise ValueError("no such scheme")

    async def serve(runtime: Runtime, _settings: Settings) -> None:
        await runtime.soft("nats", connect, Store.ping, Store.close)

    with pytest.raises(StartFailed, match="nats cannot be set up: ValueError: no such scheme"):
        await run("example", settings, serve)


async def test_a_task_that_fails_stops_the_service_after_a_drain(settings):
    events: list[str] = []
    broken = asyncio.Event()

    async def consumer() -> None:
        await broken.wait()
        raise ValueError("unexpected")

    async def serve(runtime: Runtime, _settings: Settings) -> None:
        runtime.task("consumer", consumer())
        await runtime.serve(Rpc(events))

    with pytest.raises(TaskFailed, match="consumer") as caught:
        await run("example", settings, serve, ready=lambda _runtime: broken.set())

    assert str(caught.value.__cause__) == "unexpected"
    assert events == ["start rpc", "stop rpc"]


async def test_a_cancelled_life_drains_and_closes_too(settings):
    events: list[str] = []
    ready = asyncio.Event()

    async def serve(runtime: Runtime, _settings: Settings) -> None:
        await runtime.hard("postgres", Store(events, "postgres").connect, Store.ping, Store.close)
        await runtime.serve(Rpc(events))

    async with asyncio.TaskGroup() as group:
        life = group.create_task(run("example", settings, serve, ready=lambda _runtime: ready.set()))
        await ready.wait()
        life.cancel()

    assert life.cancelled()
    assert events == ["open postgres", "start rpc", "stop rpc", "close postgres"]
