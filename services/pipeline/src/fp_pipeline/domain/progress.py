"""The changes of one decision, written in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fp_pipeline.domain.events import ExecutionEvent, Origin
from fp_pipeline.domain.execution import Execution, Step, Transition


@dataclass(frozen=True, slots=True)
class Progress:
    """execution: as it is afterwards. transitions: numbered without gaps after those it had before."""

    execution: Execution
    transitions: tuple[Transition, ...]
    events: tuple[ExecutionEvent, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """The newest state of each changed step."""
        newest = {moved.step.step_id: moved.step for moved in self.transitions if moved.step is not None}
        return tuple(newest.values())


def moved(execution: Execution, steps: Sequence[Step], now: datetime, *events: ExecutionEvent) -> Progress:
    """The execution with these steps changed, one transition each; one for the whole when no step did."""
    changed = replace(execution.with_steps(*steps), sequence=execution.sequence + max(len(steps), 1))
    transitions = [
        Transition(
            sequence=sequence,
            status=execution.status,
            current_step=execution.current_step,
            error=execution.error,
            step=step,
            at=now,
        )
        for sequence, step in enumerate(steps or (None,), execution.sequence + 1)
    ]
    return Progress(changed, tuple(transitions), events)


def joined(first: Progress, second: Progress) -> Progress:
    """Both in one transaction; `second` goes on from where `first` ends."""
    return Progress(second.execution, first.transitions + second.transitions, first.events + second.events)


def origin(execution: Execution) -> Origin:
    return Origin(
        execution_id=execution.id,
        pipeline_id=execution.pipeline_id,
        pipeline_name=execution.pipeline_name,
        pipeline_type=execution.type,
        team=execution.team,
        actor=execution.cause.triggered_by,
    )
