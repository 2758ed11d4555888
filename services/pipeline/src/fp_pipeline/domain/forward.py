"""Changes of one step on the way forward."""

from dataclasses import replace
from datetime import datetime

from fp_pipeline.domain.definition import JOB_STEPS, JsonObject
from fp_pipeline.domain.events import StepCompleted, StepFailed
from fp_pipeline.domain.execution import Execution, Step, StepStatus
from fp_pipeline.domain.progress import Progress, moved, origin


def start(execution: Execution, step_id: str, now: datetime) -> Progress:
    """Written before the attempt runs."""
    step = execution.step(step_id)
    started = replace(
        step,
        status=StepStatus.RUNNING,
        attempt=step.attempt + 1,
        started_at=now,
        completed_at=None,
        retry_at=None,
        error="",
        output={},
    )
    return moved(replace(execution, current_step=step.declared_id), [started], now)


def wait(execution: Execution, step_id: str, why: str, now: datetime) -> Progress | None:
    """The step may not start yet; None when that was said before."""
    step = execution.step(step_id)
    return None if step.error == why else moved(execution, [replace(step, error=why)], now)


def checkpoint(execution: Execution, step_id: str, output: JsonObject, now: datetime) -> Progress:
    """What a running step must remember, should it be resumed or compensated."""
    return moved(execution, [replace(execution.step(step_id), output=output)], now)


def complete(execution: Execution, step_id: str, output: JsonObject, now: datetime) -> Progress:
    step = _ended(execution.step(step_id), StepStatus.COMPLETED, "", now)
    if step.item is not None:
        # Others hear of the step, which the items are parts of.
        return moved(execution, [replace(step, output=output)], now)
    done = StepCompleted(
        origin=origin(execution),
        at=now,
        step_id=step_id,
        step_type=step.definition.type,
        output=output,
        compute=step.compute,
    )
    return moved(execution, [replace(step, output=output)], now, done)


def bypass(execution: Execution, step_id: str, reason: str, now: datetime) -> Progress:
    """The step found that there is nothing to do."""
    step = _ended(execution.step(step_id), StepStatus.SKIPPED, "", now)
    return moved(execution, [replace(step, output={"skipped": reason})], now)


def retry(execution: Execution, step_id: str, error: str, at: datetime, now: datetime) -> Progress:
    step = replace(execution.step(step_id), status=StepStatus.PENDING, error=error, retry_at=at)
    return moved(execution, [step], now)


def fail(execution: Execution, step_id: str, error: str, now: datetime, *, left_behind: str = "") -> Progress:
    """The step failed for good. left_behind: why what it had begun could not be compensated."""
    status = StepStatus.COMPENSATION_FAILED if left_behind else StepStatus.FAILED
    text = f"{error}; not compensated: {left_behind}" if left_behind else error
    step = _ended(execution.step(step_id), status, text, now)
    if step.item is not None:
        return moved(execution, [step], now)
    first = not execution.failed_step
    reported = failed(execution, step, now)
    whole = replace(execution, failed_step=step_id, error=f"step '{step_id}': {text}") if first else execution
    return moved(whole, [step], now, reported)


def stop(execution: Execution, step_id: str, now: datetime, *, left_behind: str = "") -> Progress:
    """The step was stopped because the execution was cancelled."""
    status = StepStatus.COMPENSATION_FAILED if left_behind else StepStatus.FAILED
    text = f"cancelled; not compensated: {left_behind}" if left_behind else "cancelled"
    step = _ended(execution.step(step_id), status, text, now)
    if step.item is not None or step.definition.type not in JOB_STEPS:
        return moved(execution, [step], now)
    # What its job used until it was stopped is reported by nobody else.
    return moved(execution, [step], now, replace(failed(execution, step, now), cancelled=True))


def metered(execution: Execution, step_id: str, seconds: float) -> Execution:
    """With what a job used for the step; kept with the step's next change."""
    step = execution.step(step_id)
    return execution.with_steps(replace(step, compute=step.compute + seconds)) if seconds else execution


def failed(execution: Execution, step: Step, now: datetime) -> StepFailed:
    return StepFailed(
        origin=origin(execution),
        at=now,
        step_id=step.step_id,
        step_type=step.definition.type,
        error=step.error,
        attempts=step.attempt,
        compute=step.compute,
    )


def _ended(step: Step, status: StepStatus, error: str, now: datetime) -> Step:
    return replace(step, status=status, error=error, completed_at=now, retry_at=None)
