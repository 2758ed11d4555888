"""The life of one service."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Literal, Protocol, TypeVar

from fp_kernel import Clock, SystemClock
from fp_rpc.tls.certificates import Certificates
from fp_telemetry import Metrics, Telemetry, get_logger, names, watch_event_loop
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from fp_runtime.failures import StartFailed, TaskFailed
from fp_runtime.health import HealthRegistry
from fp_runtime.http import HttpServer
from fp_runtime.keeping import Keeper
from fp_runtime.listeners import Listeners
from fp_runtime.opening import Opening
from fp_runtime.probes import probes
from fp_runtime.settings import ServiceSettings, variable
from fp_runtime.tasks import Tasks, bounded, kept, repeated

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]

CLOSE_TIMEOUT = 5.0
_WATCH_INTERVAL = 2.0
_LAST_GRACE = 1.0
_SHARE_OF_TASKS = 0.5

_log = get_logger(__name__)


class RpcServer(Protocol):
    """`fp_rpc.Server`, or whatever serves gRPC in its place."""

    async def start(self, address: str, certificates: Certificates | None = None) -> int: ...

    def set_serving(self, serving: bool) -> None: ...  # noqa: FBT001 -- the shape of fp_rpc.Server

    async def stop(self, grace: float) -> None: ...


class Runtime:
    """What `serve` gets: it opens dependencies, starts tasks and serves, and closes all of it afterwards.

    settings: the common settings. metrics: the service's own registry. health: see `HealthRegistry`.
    clock: the time of what the service decides; the system's, unless a test gives another.
    certificates: of this service; None where it speaks clear text.
    grpc_port, http_port: what the servers listen on, once they do.
    """

    def __init__(
        self,
        noun: str,
        settings: ServiceSettings,
        *,
        group: asyncio.TaskGroup,
        clock: Clock | None = None,
        telemetry: Telemetry | None = None,
        ready: Callable[["Runtime"], None] | None = None,
        certificates: Certificates | None = None,
    ) -> None:
        self.noun = noun
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.telemetry = telemetry
        self.certificates = certificates
        self.metrics = Metrics(noun)
        self.health = HealthRegistry()
        self._restarts = self.metrics.counter(
            names.TASK_RESTARTS, "Failures of tasks that start again by themselves.", ("task",)
        )
        self.grpc_port = 0
        self.http_port = 0
        self.failure: Exception | None = None
        self._group = group
        self._ready = ready
        self._tasks = Tasks(group, self._failed)
        self._stop = asyncio.Event()
        self._phase: Literal["starting", "serving", "draining"] = "starting"
        own = probes(noun, self.health, self.metrics)
        self._listeners = Listeners(settings, certificates, own)
        self._http = HttpServer(own, name=variable("http_port"), host=settings.bind_host, port=settings.http_port)
        self._closers: list[tuple[str, Callable[[], Awaitable[object]]]] = []

    async def hard(
        self,
        name: str,
        connect: Callable[[], Awaitable[T]],
        ping: Callable[[T], Awaitable[object]],
        close: Callable[[T], Awaitable[object]],
    ) -> T:
        """Open a dependency without which the service is not ready.

        `connect` and `ping` are tried again for 10 seconds. Raises StartFailed when that was not enough.
        """
        value = await Opening(name, connect, ping, close).reach()
        self.health.add(name, lambda: ping(value), hard=True)
        self._closers.append((name, lambda: close(value)))
        return value

    async def soft(
        self,
        name: str,
        connect: Callable[[], Awaitable[T]],
        ping: Callable[[T], Awaitable[object]],
        close: Callable[[T], Awaitable[object]],
    ) -> T:
        """Open a dependency that may be away: the service starts without it and says `degraded`.

        connect: returns a client that reconnects by itself, also when nothing answers yet.
        """
        try:
            value = await connect()
        except Exception as error:
            raise StartFailed(f"{name} cannot be set up: {type(error).__name__}: {error}") from error
        self.health.add(name, lambda: ping(value), hard=False)
        self._closers.append((name, lambda: close(value)))
        return value

    def route(self, path: str, handler: Handler) -> None:
        """Answer GET `path` on the HTTP port, beside health and metrics, from `serve` on; where there are certificates,
        on the HTTPS port instead.
        """
        self._listeners.route(Route(path, handler))

    def listen(self, name: str, app: ASGIApp, port: int) -> HttpServer:
        """Serve another ASGI application on its own port, from `serve` until the drain; by TLS where there are
        certificates, also for clients without one.

        name: the variable that holds the port, for the message when it is taken.
        """
        return self._listeners.add(name, app, port)

    def task(self, name: str, coroutine: Coroutine[Any, Any, object]) -> None:
        """Run until the service stops. Its failure stops the service; its end does not.

        At the stop all tasks are cancelled at once, and after them the one named `outbox` and what was started before
        it, one by one in the reverse order: what others hand their work to is started first.
        """
        self._tasks.start(name, coroutine)

    def keep(self, name: str, start: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Like `task` for work that needs a soft dependency: when it fails it starts again after a back-off.

        Restarts are counted (`task_restarts_total`); a task that fails again and again, or by a fault of the program,
        makes the service `degraded` and is named in `/healthz`.
        """
        self._tasks.start(name, kept(self._keeper(name), start))

    def every(self, seconds: float, name: str, work: Callable[[], Awaitable[object]]) -> None:
        """Do something now and then every `seconds`, a tenth sooner or later; seen like a task of `keep` when it fails.

        After a failure it is tried sooner, when the back-off is shorter than `seconds`.
        """
        self._tasks.start(name, repeated(self._keeper(name), seconds, work))

    def _keeper(self, name: str) -> Keeper:
        keeper = Keeper(name, SystemClock(), self._restarts.labels(name).inc)
        self.health.watch(name, lambda: keeper.failing)
        return keeper

    def on_close(self, callback: Callable[[], Awaitable[object]]) -> None:
        """Called at the stop, after the drain, in the reverse order of registration."""
        self._closers.append((getattr(callback, "__qualname__", "callback"), callback))

    def stop(self) -> None:
        """End the service: `serve` drains and returns. May be called more than once."""
        self._stop.set()

    @property
    def https_port(self) -> int:
        """Of own routes, where there are certificates; 0 elsewhere."""
        return self._listeners.https_port

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    async def live(self, body: Coroutine[Any, Any, None]) -> None:
        """Run `serve` from its first line to the last close; `failure` is what ended it, unless that was `stop`."""
        self.task("event loop", watch_event_loop(self.metrics))
        main = self._group.create_task(self._body(body), name="serve")
        stopped = self._group.create_task(self._stop.wait(), name="stop")
        try:
            await asyncio.wait({main, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.stop()
            if self._phase == "starting":
                main.cancel()
            await asyncio.wait({main, stopped})
            await self._cancel_tasks(_LAST_GRACE)
            # Health answers until the end, so that a probe sees "stopping" and not a broken connection.
            await bounded("http", self._http.stop(_LAST_GRACE), _LAST_GRACE + CLOSE_TIMEOUT)
            await self._close()

    async def serve(self, server: RpcServer | None) -> None:
        """Start gRPC and own routes, say SERVING, wait for the end of the service, drain.

        Returns when the last call and the last task ended or their time was up; what was opened is closed after that.
        """
        if server is not None:
            self.grpc_port = await self._start_rpc(server)
        try:
            await self._listeners.start(self._group)
            await self._serve(server)
        finally:
            await self._drain(server)

    async def _start_rpc(self, server: RpcServer) -> int:
        address = f"{self.settings.bind_host}:{self.settings.grpc_port}"
        try:
            return await server.start(address, self.certificates)
        except (OSError, RuntimeError) as error:
            # gRPC says so by RuntimeError, with its own bookkeeping as text.
            raise StartFailed(f"{variable('grpc_port')}: cannot listen on {address}") from error

    async def _serve(self, server: RpcServer | None) -> None:
        self.health.serving()
        self._phase = "serving"
        if server is not None:
            server.set_serving((await self.health.check()).ready)
        self.task("health", self._watch(server))
        _log.info("serving", grpc_port=self.grpc_port, http_port=self.http_port)
        if self._ready is not None:
            self._ready(self)
        await self._stop.wait()

    async def _watch(self, server: RpcServer | None) -> None:
        """Carry readiness to the gRPC health service and see a store go down before a caller does."""
        up = self.metrics.gauge(names.DEPENDENCY_UP, "Whether a dependency answers.", ("dependency",))
        while True:
            report = await self.health.check()
            for name, state in report.dependencies.items():
                up.labels(name).set(state == "up")
            if server is not None and not self._stop.is_set():
                server.set_serving(report.ready)
            await asyncio.sleep(_WATCH_INTERVAL)

    async def _drain(self, server: RpcServer | None) -> None:
        delay = self.settings.drain_delay if self._phase == "serving" else 0.0
        self._phase = "draining"
        self.stop()
        self.health.stopping()
        if server is not None:
            server.set_serving(False)
        _log.info("stopping")
        await asyncio.sleep(delay)
        now = asyncio.get_running_loop().time
        deadline = now() + self.settings.drain_timeout
        await self._stop_servers(server)
        # Calls that took all of the time must not take that of the tasks: a consumer finishes what it has in hand.
        await self._cancel_tasks(max(deadline - now(), self.settings.drain_timeout * _SHARE_OF_TASKS, _LAST_GRACE))

    async def _stop_servers(self, server: RpcServer | None) -> None:
        grace = self.settings.drain_timeout
        async with asyncio.TaskGroup() as group:
            for listener in self._listeners.servers:
                group.create_task(bounded("http", listener.stop(grace), grace + CLOSE_TIMEOUT))
            if server is not None:
                group.create_task(bounded("grpc", server.stop(grace), grace + CLOSE_TIMEOUT))

    async def _cancel_tasks(self, seconds: float) -> None:
        stuck = await self._tasks.cancel(seconds)
        if stuck:
            _log.error("tasks did not end in time", tasks=list(stuck))

    async def _close(self) -> None:
        while self._closers:
            name, close = self._closers.pop()
            await bounded(name, close(), CLOSE_TIMEOUT)

    async def _body(self, body: Coroutine[Any, Any, None]) -> None:
        try:
            # Before anything else: migrations may take an hour, and a liveness probe that gets no answer restarts the
            # service.
            await self._http.start(self._group)
            self.http_port = self._http.port
            await body
        except Exception as error:  # noqa: BLE001 -- kept until everything is closed, then raised
            self.failure = self.failure or error
        finally:
            body.close()  # where it never began

    def _failed(self, name: str, error: Exception) -> None:
        _log.exception("task failed", task=name)
        if self.failure is None:
            self.failure = TaskFailed(name)
            self.failure.__cause__ = error
        self.stop()
