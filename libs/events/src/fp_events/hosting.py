"""The bus as a dependency of a service."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from fp_telemetry import Metrics

from fp_events.jetstream import NatsBus, connect

T = TypeVar("T")


class Host(Protocol):
    """What is needed of `fp_runtime.Runtime`."""

    @property
    def noun(self) -> str: ...

    @property
    def metrics(self) -> Metrics: ...

    async def soft(
        self,
        name: str,
        connect: Callable[[], Awaitable[T]],
        ping: Callable[[T], Awaitable[object]],
        close: Callable[[T], Awaitable[object]],
    ) -> T: ...


async def soft_bus(runtime: Host, url: str) -> NatsBus:
    """Soft: while NATS is away events wait in the outbox or the spool of their service, which says `degraded`."""
    return await runtime.soft(
        "nats", lambda: connect(url, name=runtime.noun, metrics=runtime.metrics), NatsBus.ping, NatsBus.close
    )
