"""The bus as a dependency of a service."""

from pathlib import Path
from typing import Protocol

from fp_kernel.hosting import Host
from fp_telemetry import Metrics

from fp_events.nats_bus import NatsBus, connect


class Measured(Host, Protocol):
    @property
    def metrics(self) -> Metrics: ...


class Secret(Protocol):
    def get_secret_value(self) -> str: ...


class Settings(Protocol):
    """As `fp_runtime.EventSettings` has them."""

    @property
    def nats_url(self) -> Secret: ...

    @property
    def nats_ca_file(self) -> Path | None: ...


async def soft_bus(runtime: Measured, settings: Settings) -> NatsBus:
    """Soft: while NATS is away events wait in the outbox or the spool of their service, which says `degraded`."""
    url, ca_file = settings.nats_url.get_secret_value(), settings.nats_ca_file

    async def opened() -> NatsBus:
        return await connect(url, name=runtime.noun, metrics=runtime.metrics, ca_file=ca_file)

    return await runtime.soft("nats", opened, NatsBus.ping, NatsBus.close)
