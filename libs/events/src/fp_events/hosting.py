"""The bus as a dependency of a service."""

from typing import Protocol

from fp_kernel.hosting import Host
from fp_telemetry import Metrics

from fp_events.nats_bus import NatsBus, connect


class Measured(Host, Protocol):
    @property
    def metrics(self) -> Metrics: ...


async def soft_bus(runtime: Measured, url: str) -> NatsBus:
    """Soft: while NATS is away events wait in the outbox or the spool of their service, which says `degraded`."""
    return await runtime.soft(
        "nats", lambda: connect(url, name=runtime.noun, metrics=runtime.metrics), NatsBus.ping, NatsBus.close
    )
