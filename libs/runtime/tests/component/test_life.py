import asyncio
from contextlib import asynccontextmanager

import pytest
from fp_kernel import SystemClock
from fp_runtime import Runtime, ServiceSettings, StartFailed, TaskFailed, run
from fp_testkit.patience import PATIENCE


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

    async def start(self, address: str, certificates: object = None) -> int:
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
        async with asyncio.timeout(PATIENCE):
            await changed.wait()


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


async def test_the_clock_of_a_service_is_the_system_s_unless_another_is_given(settings, clock):
    given = []

    async def serve(runtime: Runtime, _settings: ServiceSettings) -> None:
        given.append(runtime.clock)

    await run("example", settings, serve, clock=clock)
    await run("example", settings, serve)
    assert given[0] is clock
    assert isinstance(given[1], SystemClock)


async def test_a_task_that_fails_again_and_again_is_seen_and_does_not_end_the_service(settings, monkeypatch):
    async def broken() -> None:
        raise TypeError("ours")

    async def serve(runtime: Runtime, _settings: Settings) -> None:
        runtime.keep("consumer", broken)
        await runtime.serve(None)

    async with living(settings, serve) as runtime:
        async with asyncio.timeout(PATIENCE):
            while not (report := await runtime.health.check()).failing:
                await asyncio.sleep(0.01)
        assert (report.status, report.ready, report.failing) == ("degraded", True, ("consumer",))
        assert 'fp_example_task_restarts_total{task="consumer"}' in runtime.metrics.render()[0].decode()
