"""Executions and their leases in memory."""

from collections.abc import Sequence
from dataclasses import replace

from fp_kernel import Clock, PageRequest
from fp_pipeline.app.ports import WORK, cancelling, changed
from fp_pipeline.domain.execution import Cancellation, Execution, ExecutionStatus, Transition
from fp_pipeline.domain.lease import Lease, LeaseLost
from fp_pipeline.domain.progress import Progress
from fp_postgres.signals import Subscriptions
from pipeline_fakes.state import HeldLease, MemoryState

_NO_HOLDER = HeldLease("", 0, float("-inf"))


class MemoryExecutions:
    """One transaction at a time: every lock is held already."""

    def __init__(self, state: MemoryState, signals: Subscriptions, clock: Clock) -> None:
        self._state = state
        self._signals = signals
        self._clock = clock

    async def add(self, execution: Execution) -> None:
        self._state.executions[execution.id] = execution
        first = Transition(execution.sequence, execution.status, "", "", None, execution.created_at)
        self._state.transitions[execution.id, execution.sequence] = first
        self._signals.signal(WORK)

    async def find(self, team: str, execution_id: str) -> Execution | None:
        found = self._state.executions.get(execution_id)
        return found if found is not None and found.team == team else None

    async def any_open(self, team: str, pipeline_id: str) -> bool:
        of_it = [
            each for each in self._state.executions.values() if (each.team, each.pipeline_id) == (team, pipeline_id)
        ]
        return not all(each.status.ended for each in of_it)

    async def idle(self, execution_id: str) -> bool:
        return self._lease(execution_id).until <= self._clock.monotonic()

    async def save(self, progress: Progress, lease: Lease | None) -> None:
        execution = progress.execution
        if lease is not None:
            self._check(lease)
        stored = self._state.executions[execution.id]
        # As in the database, the wish to cancel is a column that progress does not write.
        self._state.executions[execution.id] = replace(execution, cancellation=stored.cancellation)
        for transition in progress.transitions:
            key = (execution.id, transition.sequence)
            if key in self._state.transitions:
                raise AssertionError(f"transition {key} was written twice")
            self._state.transitions[key] = transition
        self._signals.signal(changed(execution.id))

    async def ask_to_cancel(self, execution_id: str, cancellation: Cancellation) -> None:
        stored = self._state.executions[execution_id]
        self._state.executions[execution_id] = replace(stored, cancellation=cancellation)
        self._signals.signal(cancelling(execution_id))

    async def end(self, execution_id: str) -> None:
        for key, holder in tuple(self._state.turns.items()):
            if holder == execution_id:
                del self._state.turns[key]

    async def claim(self, holder: str, limit: int, ttl: float, but: frozenset[str] = frozenset()) -> Sequence[Lease]:
        free = [
            execution.id
            for _, execution in sorted(self._state.executions.items())
            if not execution.status.ended and execution.id not in but and await self.idle(execution.id)
        ]
        return [self._hold(execution_id, holder, ttl) for execution_id in free[:limit]]

    async def renew(self, lease: Lease, ttl: float) -> Cancellation | None:
        self._check(lease)
        self._state.leases[lease.execution_id] = HeldLease(lease.holder, lease.token, self._clock.monotonic() + ttl)
        return self._state.executions[lease.execution_id].cancellation

    async def release(self, lease: Lease, pause: float) -> None:
        if self._lease(lease.execution_id).token == lease.token:
            await self.renew(lease, pause)

    async def load(self, lease: Lease) -> Execution:
        self._check(lease)
        return self._state.executions[lease.execution_id]

    async def execution(self, team: str, execution_id: str) -> Execution | None:
        return await self.find(team, execution_id)

    async def executions(
        self, team: str, pipeline_id: str, status: ExecutionStatus | None, page: PageRequest
    ) -> Sequence[Execution]:
        found = [
            replace(each, steps=())
            for key, each in sorted(self._state.executions.items(), reverse=True)
            if each.team == team
            and pipeline_id in {"", each.pipeline_id}
            and status in {None, each.status}
            and (page.after is None or key < page.after[0])
        ]
        return found[: page.size]

    async def transitions(self, execution: Execution, after: int, limit: int) -> Sequence[Transition]:
        found = [
            each
            for (execution_id, sequence), each in sorted(self._state.transitions.items(), key=lambda item: item[0])
            if execution_id == execution.id and sequence > after
        ]
        return found[:limit]

    def _hold(self, execution_id: str, holder: str, ttl: float) -> Lease:
        token = self._lease(execution_id).token + 1
        self._state.leases[execution_id] = HeldLease(holder, token, self._clock.monotonic() + ttl)
        return Lease(execution_id, holder, token)

    def _lease(self, execution_id: str) -> HeldLease:
        return self._state.leases.get(execution_id, _NO_HOLDER)

    def _check(self, lease: Lease) -> None:
        if self._lease(lease.execution_id).token != lease.token:
            raise LeaseLost(f"execution {lease.execution_id} has another worker")
