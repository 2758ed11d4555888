"""Claims executions that nobody works on and runs them, as many at a time as it has room for."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from fp_kernel import Clock, Error
from fp_telemetry import correlation_id, extract, get_logger, span

from fp_pipeline.app.attempt import Queued
from fp_pipeline.app.ports import WORK, Leases, Signals, Subscription
from fp_pipeline.app.runner import Runner
from fp_pipeline.domain.lease import Lease, LeaseLost
from fp_pipeline.domain.policy import LeasePolicy

_log = get_logger(__name__)
_RELEASE_SECONDS = 2.0
_LONGEST_PAUSE = 60.0
# Executions whose interruptions are remembered; the oldest is forgotten first.
_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class WorkerPolicy:
    """capacity: executions at a time. poll: seconds after which to look for work without a signal.

    queue: seconds after which to look again at an execution that waits for another one.
    """

    capacity: int = 32
    poll: float = 1.0
    queue: float = 5.0
    lease: LeasePolicy = field(default_factory=LeasePolicy)


class Worker:
    def __init__(
        self,
        holder: str,
        *,
        leases: Leases,
        signals: Signals,
        runner: Runner,
        policy: WorkerPolicy,
        clock: Clock,
        in_flight: Callable[[int], object] = lambda _: None,
    ) -> None:
        """holder: name of this process, for people. in_flight: called with the number of executions that run here."""
        self._holder = holder
        self._leases = leases
        self._signals = signals
        self._runner = runner
        self._policy = policy
        self._in_flight = in_flight
        self._clock = clock
        self._running: set[str] = set()
        self._interruptions: dict[str, int] = {}
        self._freed = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled: then every lease is given back at once, so that another replica goes on."""
        with self._signals.subscribe(WORK) as subscription:
            async with asyncio.TaskGroup() as group:
                while True:
                    await self._claim(group, subscription)

    async def _claim(self, group: asyncio.TaskGroup, subscription: Subscription) -> None:
        free = self._policy.capacity - len(self._running)
        if free <= 0:
            # Nothing but an end makes room: a full worker neither polls nor sleeps through it.
            self._freed.clear()
            await self._freed.wait()
            return
        claimed = 0
        try:
            ttl, ours = self._policy.lease.ttl, frozenset(self._running)
            held_until = self._clock.monotonic() + ttl
            for lease in await self._leases.claim(self._holder, free, ttl, ours):
                claimed += 1
                self._running.add(lease.execution_id)
                self._in_flight(len(self._running))
                group.create_task(self._work(lease, held_until))
        except Error as error:
            _log.warning("claiming failed", reason=error.message)
        if claimed == 0:
            await subscription.wait(self._policy.poll)

    async def _work(self, lease: Lease, held_until: float) -> None:
        facts = {"execution_id": lease.execution_id, "lease": lease.token}
        pause = 0.0
        try:
            await self._run(lease, held_until)
            self._interruptions.pop(lease.execution_id, None)
        except* Queued:
            # It takes no room here while it waits.
            pause = self._policy.queue
        except* LeaseLost:
            _log.warning("lease lost", **facts)
        except* Error as errors:
            pause = self._longer(lease.execution_id)
            _log.warning("execution interrupted", reason=str(errors.exceptions[0]), **facts)
        except* Exception:  # noqa: BLE001 -- a fault in one execution must not end the others
            pause = self._longer(lease.execution_id)
            _log.exception("execution interrupted by a fault", **facts)
        finally:
            await self._release(lease, pause)
            self._running.discard(lease.execution_id)
            self._freed.set()
            self._in_flight(len(self._running))

    def _longer(self, execution_id: str) -> float:
        """An execution that this worker cannot get through comes back ever more slowly.

        The number of its lease says nothing of that: it grows with each look at one that waits for another one, and one
        failure after an hour in the queue would cost a minute.
        """
        count = self._interruptions.pop(execution_id, 0) + 1
        self._interruptions[execution_id] = count
        if len(self._interruptions) > _REMEMBERED:
            del self._interruptions[next(iter(self._interruptions))]
        return min(float(count), _LONGEST_PAUSE)

    async def _run(self, lease: Lease, held_until: float) -> None:
        try:
            async with asyncio.timeout(max(held_until - self._clock.monotonic(), 0.0)):
                execution = await self._leases.load(lease)
        except TimeoutError:
            raise LeaseLost("the lease ran out before the execution was read") from None
        correlation_id.set(execution.cause.correlation_id)
        facts = {"execution_id": execution.id, "lease": lease.token}
        with span("execution", parent=extract(execution.cause.trace), attributes=facts):
            ended = await self._runner.run(lease, held_until, execution)
        _log.info("execution ended", status=ended.status, reason=ended.error, **facts)

    async def _release(self, lease: Lease, pause: float) -> None:
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                await self._leases.release(lease, pause)
        except (Error, TimeoutError):
            _log.info("lease not released, it runs out", execution_id=lease.execution_id)
