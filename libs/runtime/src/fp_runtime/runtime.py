"""The life of one service."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

from fp_telemetry import Metrics, Telemetry
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from fp_runtime.health import HealthRegistry
from fp_runtime.settings import ServiceSettings

T = TypeVar("T")
Settings = TypeVar("Settings", bound=ServiceSettings)
Handler = Callable[[Request], Awaitable[Response]]


class StartFailed(Exception):
    """The service cannot start; the message is one line for people, without secrets."""


class RpcServer(Protocol):
    """`fp_rpc.Server`, or whatever serves gRPC in its place."""

    async def start(self, address: str) -> int: ...

    def set_serving(self, serving: bool) -> None: ...  # noqa: FBT001 -- the shape of fp_rpc.Server

    async def stop(self, grace: float) -> None: ...


class Runtime:
    """What `serve` gets: it opens dependencies, starts tasks and serves, and closes all of it afterwards.

    settings: the common settings. metrics: the service's own registry. health: see `HealthRegistry`.
    """

    noun: str
    settings: ServiceSettings
    metrics: Metrics
    telemetry: Telemetry
    health: HealthRegistry
    grpc_port: int
    http_port: int

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
        raise NotImplementedError

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
        raise NotImplementedError

    def route(self, path: str, handler: Handler) -> None:
        """Answer GET `path` on the HTTP port, beside health and metrics."""
        raise NotImplementedError

    def listen(self, name: str, app: ASGIApp, port: int) -> None:
        """Serve another ASGI application on its own port, from `serve` until the drain."""
        raise NotImplementedError

    def task(self, name: str, coroutine: Coroutine[Any, Any, object]) -> None:
        """Run until the service stops. Its failure stops the service; its end does not.

        At the stop, tasks are cancelled one by one in the reverse order of their start.
        """
        raise NotImplementedError

    def keep(self, name: str, start: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Like `task` for work that needs a soft dependency: when it fails it starts again after a back-off."""
        raise NotImplementedError

    def on_close(self, callback: Callable[[], Awaitable[object]]) -> None:
        """Called at the stop, after the drain, in the reverse order of registration."""
        raise NotImplementedError

    async def serve(self, server: RpcServer | None) -> None:
        """Start gRPC and HTTP, say SERVING, wait for the end of the service, drain.

        Returns when the last call and the last task ended or their time was up; what was opened is closed after that.
        """
        raise NotImplementedError


async def run(noun: str, settings: Settings, serve: Callable[[Runtime, Settings], Awaitable[None]]) -> None:
    """One life of a service in the running loop: for `main` and for tests."""
    raise NotImplementedError
