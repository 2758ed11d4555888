"""Delivers what is due, as much at a time as there is room for."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from fp_kernel import Error
from fp_telemetry import correlation_id, extract, get_logger, span

from fp_notification.app.ports import LeaseLost

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerPolicy:
    """capacity: deliveries at a time. poll: seconds between two looks when nothing is due.

    lease: seconds after which a delivery is another process's; longer than any attempt takes.
    """

    capacity: int = 16
    poll: float = 0.5
    lease: float = 60.0


class Leased(Protocol):
    """What is to be sent, and the number of the attempt; correlation_id and trace of what caused it."""

    @property
    def id(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def correlation_id(self) -> str: ...
    @property
    def trace(self) -> Mapping[str, str]: ...


class Outcome(Protocol):
    @property
    def status(self) -> str: ...
    @property
    def response_code(self) -> int: ...


Lease = TypeVar("Lease", bound=Leased)
Lease_co = TypeVar("Lease_co", bound=Leased, covariant=True)


class Claims(Protocol[Lease_co]):
    async def claim(self, limit: int, seconds: float) -> Sequence[Lease_co]:
        """Deliveries that are due and that nobody works on, the longest waiting first. seconds: until they are due
        again, for whoever comes then.
        """


class Worker(Generic[Lease]):
    """deliver: makes one attempt. what: the name of the id in logs."""

    def __init__(
        self,
        claims: Claims[Lease],
        deliver: Callable[[Lease], Awaitable[Outcome]],
        policy: WorkerPolicy,
        what: str = "notification_id",
    ) -> None:
        self._claims = claims
        self._deliver = deliver
        self._policy = policy
        self._what = what
        self._free = asyncio.Semaphore(policy.capacity)
        self._away = False
        self._running: dict[asyncio.Task[None], Lease] = {}

    def end(self, unwanted: Callable[[Lease], bool]) -> None:
        """Cut the attempts under way that nobody may make any more; whoever claims them next finds out why."""
        for task, lease in tuple(self._running.items()):
            if unwanted(lease):
                task.cancel()

    async def run(self) -> None:
        """Until cancelled; what is under way then still ends."""
        async with asyncio.TaskGroup() as group:
            with contextlib.suppress(asyncio.CancelledError):
                while True:
                    if not await self._round(group):
                        await asyncio.sleep(self._policy.poll)

    async def once(self) -> int:
        """Everything that is due now; how many attempts were made."""
        made = 0
        while True:
            async with asyncio.TaskGroup() as group:
                claimed = await self._round(group)
            if not claimed:
                return made
            made += claimed

    async def _round(self, group: asyncio.TaskGroup) -> int:
        # Waits for one place, then takes what others are free as well: nothing is claimed that would have to wait.
        await self._free.acquire()
        places = 1
        while not self._free.locked():
            await self._free.acquire()
            places += 1
        leases: list[Lease] = []
        try:
            leases = list(await self._claims.claim(places, self._policy.lease))
            self._away = False
        except Error as error:
            # An outage is logged once, not at every look.
            if not self._away:
                _log.warning("claiming failed", reason=error.message)
            self._away = True
        finally:
            for _ in range(places - len(leases)):
                self._free.release()
        for lease in leases:
            task = group.create_task(self._work(lease))
            self._running[task] = lease
            task.add_done_callback(self._done)
        return len(leases)

    def _done(self, task: asyncio.Task[None]) -> None:
        # Here and not in the task: one that is cancelled before it began never runs.
        self._running.pop(task, None)
        self._free.release()

    async def _work(self, lease: Lease) -> None:
        facts = {self._what: lease.id, "attempt": lease.attempt}
        correlation_id.set(lease.correlation_id)
        try:
            with span("delivery", parent=extract(lease.trace), attributes=facts):
                attempt = await self._deliver(lease)
            _log.info("delivery attempted", status=attempt.status, code=attempt.response_code, **facts)
        except LeaseLost:
            _log.warning("lease lost", **facts)
        except Error as error:
            _log.warning("delivery interrupted", reason=error.message, **facts)
        except Exception:  # noqa: BLE001 -- a fault in one delivery must not end the others
            _log.exception("delivery interrupted by a fault", **facts)
