"""Health: the dependencies of a service, and whether it may get traffic."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from fp_kernel import Clock, SystemClock
from fp_telemetry import get_logger

Ping = Callable[[], Awaitable[object]]
Status = Literal["starting", "ready", "degraded", "unavailable", "stopping"]
State = Literal["up", "down"]

PING_TIMEOUT = 1.0
MAX_AGE = 0.5

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Dependency:
    """hard: without it the service is not ready. ping: raises, or takes longer than a second, when it is down."""

    name: str
    ping: Ping
    hard: bool


@dataclass(frozen=True, slots=True)
class Report:
    """status: of the service as a whole. dependencies: by name. down: names of those that are down, hard ones first.

    failing: names of tasks that start again and again.
    """

    status: Status
    dependencies: Mapping[str, State] = field(default_factory=dict)
    down: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether the service may get traffic: a soft dependency that is down does not prevent it."""
        return self.status in {"ready", "degraded"}


class HealthRegistry:
    """Dependencies in the order of their opening.

    Peers are never among them; of auth, only its first answer is waited for (`fp_rpc.hosting`).
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._dependencies: dict[str, Dependency] = {}
        self._phase: Literal["starting", "serving", "stopping"] = "starting"
        self._states: dict[str, State] = {}
        self._tasks: dict[str, Callable[[], bool]] = {}
        self._checked_at = float("-inf")
        self._checking = asyncio.Lock()

    def add(self, name: str, ping: Ping, *, hard: bool) -> None:
        if name in self._dependencies:
            raise ValueError(f"dependency {name} is registered twice")
        self._dependencies[name] = Dependency(name, ping, hard)

    def watch(self, task: str, failing: Callable[[], bool]) -> None:
        """failing: whether the task fails again and again; the service is ready all the same, and `degraded`."""
        self._tasks[task] = failing

    def serving(self) -> None:
        """Every server listens."""
        self._phase = "serving"

    def stopping(self) -> None:
        """No new traffic from now on, whatever the dependencies say."""
        self._phase = "stopping"

    async def check(self) -> Report:
        """Ask every dependency, all at once; answers of the last half second are used again.

        Before `serving` the status is "starting", after `stopping` it is "stopping"; then nothing is asked.
        """
        if self._phase != "serving":
            return Report(self._phase, dict(self._states))
        # Probes of a balancer, a person and our own watch coincide; the stores see one question.
        async with self._checking:
            if self._clock.monotonic() - self._checked_at > MAX_AGE:
                await self._ask()
        return self._report()

    async def _ask(self) -> None:
        dependencies = tuple(self._dependencies.values())
        async with asyncio.TaskGroup() as group:
            answers = [group.create_task(_state(dependency)) for dependency in dependencies]
        for dependency, answer in zip(dependencies, answers, strict=True):
            self._note(dependency, *answer.result())
        self._checked_at = self._clock.monotonic()

    def _note(self, dependency: Dependency, state: State, reason: str) -> None:
        before = self._states.get(dependency.name, "up")
        self._states[dependency.name] = state
        if before == state:
            return
        if state == "down":
            _log.warning("dependency is down", dependency=dependency.name, hard=dependency.hard, reason=reason)
        else:
            _log.info("dependency is up again", dependency=dependency.name, hard=dependency.hard)

    def _report(self) -> Report:
        if self._phase != "serving":
            return Report(self._phase, dict(self._states))
        hard = tuple(name for name, it in self._dependencies.items() if it.hard and self._states[name] == "down")
        soft = tuple(name for name, it in self._dependencies.items() if not it.hard and self._states[name] == "down")
        failing = tuple(name for name, fails in self._tasks.items() if fails())
        status: Status = "unavailable" if hard else "degraded" if soft or failing else "ready"
        return Report(status, dict(self._states), hard + soft, failing)


async def _state(dependency: Dependency) -> tuple[State, str]:
    try:
        async with asyncio.timeout(PING_TIMEOUT):
            await dependency.ping()
    except Exception as error:  # noqa: BLE001 -- every failure of a ping means the same
        return "down", type(error).__name__
    return "up", ""
