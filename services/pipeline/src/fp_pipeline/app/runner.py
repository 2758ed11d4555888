"""One execution, from wherever it stands to its end.

Every decision is a pure function of the execution; every change is written before it counts. There is no path for
errors of the store or a lost lease: the runner just ends, and whoever claims the execution next goes on from what was
written, as after a crash.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from fp_kernel import Clock

from fp_pipeline.app.journal import Effects, Journal, Record
from fp_pipeline.app.lease_renewal import LeaseRenewal
from fp_pipeline.app.step_runs import StepRuns
from fp_pipeline.app.steps import Steps
from fp_pipeline.domain import scheduling
from fp_pipeline.domain.execution import Cancellation, Execution, ExecutionStatus
from fp_pipeline.domain.lease import Lease
from fp_pipeline.domain.policy import EnginePolicy
from fp_pipeline.domain.progress import Progress

_LONGEST_WAIT = 60.0


class Runner:
    def __init__(
        self,
        *,
        journal: Journal,
        renewal: LeaseRenewal,
        steps: Steps,
        policy: EnginePolicy,
        clock: Clock,
        roll: Callable[[], float],
    ) -> None:
        """roll: a random number from 0 to 1 each time, for jitter."""
        self._journal = journal
        self._renewal = renewal
        self._steps = steps
        self._policy = policy
        self._clock = clock
        self._roll = roll

    async def run(self, lease: Lease, held_until: float, execution: Execution) -> Execution:
        """The ended execution. held_until: end of the lease on the monotonic clock.

        Raises an exception group when it could not go on here.
        """
        record = Record(lease, execution, self._journal)
        runs = StepRuns(record, self._steps, self._policy, self._clock, self._roll)
        drive = _Drive(record, runs, self._policy, self._clock)
        async with asyncio.TaskGroup() as group:
            lasting = self._renewal.renew_always(lease, held_until, drive.cancel)
            background: list[Coroutine[Any, Any, Any]] = [record.write_changes(), lasting]
            tasks: list[asyncio.Task[Any]] = [group.create_task(each) for each in background]
            tasks += await drive.run(group)
            for task in tasks:
                task.cancel()
        return record.execution


class _Drive:
    """Lets the execution advance and starts the work that may start."""

    def __init__(self, record: Record, runs: StepRuns, policy: EnginePolicy, clock: Clock) -> None:
        self._record = record
        self._runs = runs
        self._policy = policy
        self._clock = clock
        self._changed = asyncio.Event()
        self._in_flight: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cancel(self, cancellation: Cancellation) -> None:
        self._record.cancel(cancellation)
        self._changed.set()

    async def run(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Answers the runs of steps that have not ended: nobody would write their outcome any more."""
        while True:
            self._changed.clear()
            while await self._record.change(self._advance, self._effects_of_end):
                pass
            execution = self._record.execution
            if execution.status.ended:
                return list(self._tasks)
            if execution.cancellation is not None and execution.status is ExecutionStatus.RUNNING:
                # What is stopped is no longer in flight, and then `work` has it compensated.
                self._runs.stop()
            in_flight = frozenset(self._in_flight)
            for work in scheduling.work(execution, in_flight, self._clock.now(), self._policy.parallelism):
                self._in_flight.add(work.step_id)
                task = group.create_task(self._run_step(work))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            await self._rest()

    def _advance(self, execution: Execution) -> Progress | None:
        return scheduling.advance(execution, self._clock.now())

    def _effects_of_end(self, execution: Execution) -> Effects:
        return Effects(deployments=scheduling.superseded(execution, self._policy, self._clock.now()))

    async def _run_step(self, work: scheduling.Work) -> None:
        try:
            await self._runs.run(work)
        finally:
            self._in_flight.discard(work.step_id)
            self._changed.set()

    async def _rest(self) -> None:
        """Until a step ended, someone wants to cancel, or a wait of a step is over."""
        wake_at = scheduling.wake_at(self._record.execution)
        wait = _LONGEST_WAIT if wake_at is None else (wake_at - self._clock.now()).total_seconds()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(max(wait, 0.0), _LONGEST_WAIT)):
                await self._changed.wait()
