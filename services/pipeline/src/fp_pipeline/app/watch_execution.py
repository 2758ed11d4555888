"""Every transition of an execution, in order, from any replica."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime

from fp_kernel import Clock, NotFound, OutOfRange

from fp_pipeline.app.ports import Reads, Signals, changed
from fp_pipeline.domain.execution import Execution, ExecutionStatus, Step, Transition, after

_BATCH = 200


@dataclass(frozen=True, slots=True)
class Sighting:
    """execution: as it was after the transition. transition: None for the first message, the present state.

    at: the time of the transition, or that of the look at the present state.
    """

    execution: Execution
    transition: Transition | None
    at: datetime


class WatchExecution:
    """Reads the numbered transitions of the database; a signal only says when to look."""

    def __init__(self, reads: Reads, signals: Signals, clock: Clock, *, poll: float) -> None:
        """poll: seconds after which to look without a signal."""
        self._reads = reads
        self._signals = signals
        self._clock = clock
        self._poll = poll

    async def __call__(
        self, team: str, execution_id: str, *, after_sequence: int | None, include_current_state: bool
    ) -> AsyncIterator[Sighting]:
        """Ends after the transition that ended the execution.

        after_sequence: None for what happens from now on; then an execution that has ended shows its last state.
        include_current_state: the present state comes first, and then only what follows it.
        Raises NotFound, OutOfRange when `after_sequence` is beyond the newest transition.
        """
        with self._signals.subscribe(changed(execution_id)) as subscription:
            present = await self._reads.execution(team, execution_id)
            if present is None:
                raise NotFound(f"no execution {execution_id}")
            if after_sequence is not None and after_sequence > present.sequence:
                raise OutOfRange(f"after_sequence: the newest transition is {present.sequence}")
            seen = _blank(present)
            if include_current_state or after_sequence is None:
                after_sequence = present.sequence
                seen = present
                if include_current_state or present.status.ended:
                    yield Sighting(present, None, self._clock.now())
            while not seen.status.ended:
                found = await self._reads.transitions(seen, seen.sequence, _BATCH)
                if not found and present.status.ended:
                    # The history of an old execution is gone; what it came to is not.
                    yield Sighting(present, None, self._clock.now())
                    return
                for transition in found:
                    seen = after(seen, transition)
                    if transition.sequence > after_sequence:
                        yield Sighting(seen, transition, transition.at)
                if len(found) < _BATCH and not seen.status.ended:
                    await subscription.wait(self._poll)


def _blank(execution: Execution) -> Execution:
    """As it was before its first transition."""
    return replace(
        execution,
        steps=tuple(Step(id=step.id, definition=step.definition) for step in execution.declared),
        status=ExecutionStatus.PENDING,
        current_step="",
        started_at=None,
        completed_at=None,
        error="",
        failed_step="",
        cancellation=None,
        sequence=0,
    )
