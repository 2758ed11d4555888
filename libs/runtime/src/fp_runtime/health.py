"""What a service depends on, and whether it may get traffic."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Ping = Callable[[], Awaitable[object]]
Status = Literal["starting", "ready", "degraded", "unavailable", "stopping"]


@dataclass(frozen=True, slots=True)
class Dependency:
    """hard: without it the service is not ready. ping: raises, or takes longer than a second, when it is down."""

    name: str
    ping: Ping
    hard: bool


@dataclass(frozen=True, slots=True)
class Report:
    """status: see `HealthRegistry.check`. dependencies: "up" or "down" by name."""

    status: Status
    dependencies: Mapping[str, Literal["up", "down"]]

    @property
    def ready(self) -> bool:
        raise NotImplementedError


class HealthRegistry:
    """Dependencies in the order of their opening; peers are never among them."""

    def add(self, name: str, ping: Ping, *, hard: bool) -> None:
        raise NotImplementedError

    def serving(self) -> None:
        """Every server listens."""
        raise NotImplementedError

    def stopping(self) -> None:
        """No new traffic from now on, whatever the dependencies say."""
        raise NotImplementedError

    async def check(self) -> Report:
        """Ask every dependency, all at once; answers of the last half second are used again."""
        raise NotImplementedError
