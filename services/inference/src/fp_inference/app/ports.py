"""Ports of inference's use-cases."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fp_kernel.bucket import Grant, Limit
from fp_kernel.signatures import Signature
from fp_kernel.tensors import Tensor

from fp_inference.app.values import Completed, Failed, Replay
from fp_inference.domain.circuit import Circuit
from fp_inference.domain.routes import Route, Stable, Target
from fp_inference.domain.rules import Rule, Rules, Shadow
from fp_inference.domain.shares import Share, Split


class Leases(Protocol):
    """The buckets that all replicas share."""

    async def lease(self, name: str, limit: Limit, least: int, most: int) -> Grant:
        """Raises Unavailable when they cannot be reached now."""
        ...


class Usage(Protocol):
    async def exceeded(self, team: str, meter: str) -> bool:
        """Whether the team used more of this meter in this month than its quota. Raises an Error."""
        ...


class ReplayStore(Protocol):
    async def get(self, digests: Sequence[bytes]) -> Sequence[Replay]:
        """Those that are stored, in no certain order. Raises Unavailable."""
        ...

    async def put(self, replays: Sequence[Replay]) -> None:
        """Stores each for 24 hours; the first of a digest stays. Raises Unavailable."""
        ...


class Readiness(Protocol):
    async def is_ready(self, target: Target) -> bool:
        """Whether this process reaches the runtime and it answers that it is READY."""
        ...


class Processes(Protocol):
    """How many serve a target."""

    def count(self, target: Target) -> int:
        """That its calls are shared among; 1 while it is not known."""
        ...

    def left_out(self, target: Target) -> int:
        """Of these, how many get no calls now."""
        ...


class Runtimes(Readiness, Processes, Protocol):
    """The serving processes behind the targets."""

    async def predict(
        self, target: Target, model_name: str, inputs: Mapping[str, Tensor], *, request_id: str, seconds: float
    ) -> Mapping[str, Tensor]:
        """seconds: for this call. Raises what the runtime raised."""
        ...

    async def describe(self, target: Target, team: str, model_name: str) -> Signature:
        """The tensors of the loaded model, for versions that declared none."""
        ...

    async def look(self, targets: Collection[Target]) -> None:
        """These are deployed: see which of their processes are there, and close the channels to all others."""
        ...


class CircuitBoard(Protocol):
    """What the processes say of their breakers; every call raises Unavailable when it cannot be reached."""

    async def publish(self, circuits: Sequence[Circuit]) -> None:
        """In place of what this process said before; forgotten when it is not said again for some seconds."""
        ...

    async def published(self) -> Sequence[Circuit]:
        """By the other processes."""
        ...


class Recorder(Protocol):
    """Records predictions. Nothing of it raises: recording can never fail the answer."""

    def completed(self, completed: Completed, replay: Replay | None) -> None:
        """Store the event before the answer goes out; what cannot be stored is counted."""
        ...

    def failed(self, failed: Failed) -> None:
        """Store the event where there is room."""
        ...


@dataclass(frozen=True, slots=True)
class Deployment:
    """A version that the pipeline says is deployed."""

    team: str
    model_name: str
    target: Target


class Deployments(Protocol):
    async def all(self) -> Sequence[Deployment]:
        """Those of every team. Raises Unavailable."""
        ...

    async def of_model(self, team: str, model_name: str) -> Sequence[Deployment]:
        """Raises Unavailable."""
        ...


class SplitMoved(Exception):
    """A newer split than the one that was planned upon is there: plan upon that one."""

    def __init__(self, split: Split) -> None:
        super().__init__()
        self.split = split


class RouteStore(Protocol):
    """Routes outside this process; every call raises Unavailable when it cannot be reached."""

    async def load(self) -> Sequence[Route]: ...

    async def save_target(self, team: str, model_name: str, target: Target) -> None:
        """Stored unless something newer of the version is there."""
        ...

    async def save_stable(self, team: str, model_name: str, stable: Stable) -> None: ...

    async def save_archived(self, team: str, model_name: str, at: datetime) -> None: ...

    async def save_restored(self, team: str, model_name: str, at: datetime) -> None: ...

    async def set_whole(
        self,
        team: str,
        model_name: str,
        split: Split | None,
        rules: Rules | None,
        shadow: Shadow | None,
        *,
        expected: int | None = None,
        planned_on: int | None = None,
    ) -> int:
        """All that are given, stored together as the newest revision, which is answered, and published to every
        replica. A split without shares is of a route that is deleted.

        expected: the revision that is there, 0 for none. Raises Aborted where another one is.
        planned_on: of the split by which shares and salt were decided. Raises SplitMoved where a newer one is.
        """
        ...

    async def set_rules(
        self, team: str, model_name: str, rules: tuple[Rule, ...], at: datetime, *, by: str, expected: int | None = None
    ) -> Rules:
        """Likewise, these alone."""
        ...

    async def set_shadow(
        self, team: str, model_name: str, share: Share | None, at: datetime, *, by: str, expected: int | None = None
    ) -> Shadow:
        """Likewise. share: None for no shadow."""
        ...

    async def forget(self, before: datetime, is_deployed: Callable[[str, str], bool]) -> int:
        """Delete what is over and older, as `Route.since` does; how many entries went.

        is_deployed: whether a model of a team has a version.
        """
        ...
