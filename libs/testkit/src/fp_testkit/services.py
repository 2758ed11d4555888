"""A whole service in the loop of the test."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from fp_kernel import Clock
from fp_runtime import Runtime, ServiceSettings, run

Settings = TypeVar("Settings", bound=ServiceSettings)


@dataclass(frozen=True, slots=True)
class RunningService:
    """grpc_address: host:port. http_url: of health, metrics and own routes, without a last slash."""

    runtime: Runtime
    life: "asyncio.Task[None]"

    @property
    def grpc_address(self) -> str:
        return f"127.0.0.1:{self.runtime.grpc_port}"

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.runtime.http_port}"

    async def stop(self) -> None:
        """As SIGTERM does. Raises what ended the service when it failed."""
        self.runtime.stop()
        await asyncio.wait([self.life])
        self.life.result()


class ServiceFactory(Protocol):
    async def __call__(
        self,
        noun: str,
        settings: Settings,
        serve: Callable[[Runtime, Settings], Awaitable[None]],
        *,
        clock: Clock | None = None,
    ) -> RunningService:
        """Start a service and return when it is SERVING; stopped after the test, the last started first.

        settings: with grpc_port, http_port 0 and bind_host 127.0.0.1. clock: of the service; the system's without one.
        Raises what ended a start that failed.
        """
        ...


class Services:
    """Owns the lives of the services of one test."""

    def __init__(self) -> None:
        self._running: list[RunningService] = []

    async def start(
        self,
        noun: str,
        settings: Settings,
        serve: Callable[[Runtime, Settings], Awaitable[None]],
        *,
        clock: Clock | None = None,
    ) -> RunningService:
        """See `ServiceFactory`."""
        ready: asyncio.Future[Runtime] = asyncio.get_running_loop().create_future()
        # No TaskGroup: a fixture's parts before and after the test are different tasks. `stop` is the owner's end.
        life = asyncio.create_task(run(noun, settings, serve, clock=clock, ready=ready.set_result), name=noun)
        either: set[asyncio.Future[Any]] = {life, ready}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            life.result()
            raise RuntimeError(f"{noun} ended without serving")
        self._running.append(RunningService(ready.result(), life))
        return self._running[-1]

    async def stop(self) -> None:
        """Stop all, the last started first. Raises the failures of those that failed."""
        failures: list[Exception] = []
        while self._running:
            try:
                await self._running.pop().stop()
            except Exception as error:  # noqa: BLE001 -- the others must stop as well
                failures.append(error)
        if failures:
            raise ExceptionGroup("services failed", failures)
