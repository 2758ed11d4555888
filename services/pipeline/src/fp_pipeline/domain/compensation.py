"""Changes of one step on the way back."""

from dataclasses import replace
from datetime import datetime

from fp_pipeline.domain import forward
from fp_pipeline.domain.definition import JsonObject
from fp_pipeline.domain.events import StepCompleted
from fp_pipeline.domain.execution import Execution, Step, StepStatus
from fp_pipeline.domain.progress import Progress, moved, origin


def start(execution: Execution, step_id: str, now: datetime) -> Progress:
    """Written before the compensation runs; the step that undoes, if one is declared, starts with it."""
    step = execution.step(step_id)
    changed = replace(step, status=StepStatus.COMPENSATING, undo_attempt=step.undo_attempt + 1, retry_at=None)
    undoer = [
        replace(
            other, status=StepStatus.RUNNING, attempt=other.attempt + 1, started_at=now, completed_at=None, error=""
        )
        for other in _undoer(execution, step)
    ]
    return moved(replace(execution, current_step=step_id), [changed, *undoer], now)


def complete(execution: Execution, step_id: str, output: JsonObject, now: datetime) -> Progress:
    """A step that is declared to undo has completed like any other: its event says what its job used."""
    step = execution.step(step_id)
    changed = replace(step, status=StepStatus.COMPENSATED, completed_at=now, retry_at=None)
    undoer = [
        replace(other, status=StepStatus.COMPLETED, completed_at=now, output=output)
        for other in _undoer(execution, step)
    ]
    done = [
        StepCompleted(
            origin=origin(execution),
            at=now,
            step_id=other.step_id,
            step_type=other.definition.type,
            output=output,
            compute=other.compute,
        )
        for other in undoer
    ]
    return moved(execution, [*undoer, changed], now, *done)


def retry(execution: Execution, step_id: str, error: str, at: datetime, now: datetime) -> Progress:
    step = execution.step(step_id)
    undoer = [replace(other, status=StepStatus.PENDING, error=error) for other in _undoer(execution, step)]
    return moved(execution, [*undoer, replace(step, retry_at=at, error=f"compensation: {error}")], now)


def fail(execution: Execution, step_id: str, error: str, now: datetime) -> Progress:
    """The others are still undone; the execution says at its end that something was left behind."""
    step = execution.step(step_id)
    changed = replace(
        step,
        status=StepStatus.COMPENSATION_FAILED,
        error=f"compensation: {error}",
        completed_at=now,
        retry_at=None,
    )
    undoer = [
        replace(other, status=StepStatus.FAILED, completed_at=now, error=error) for other in _undoer(execution, step)
    ]
    return moved(execution, [*undoer, changed], now, *(forward.failed(execution, other, now) for other in undoer))


def _undoer(execution: Execution, step: Step) -> list[Step]:
    step_id = step.definition.compensation_step_id
    return [execution.step(step_id)] if step_id else []
