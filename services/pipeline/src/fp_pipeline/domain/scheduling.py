"""The next steps of an execution: consequences that need no work (`advance`) and work that may start now (`work`)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fp_pipeline.domain import fan_out, graph
from fp_pipeline.domain.config import PromoteConfig, read
from fp_pipeline.domain.definition import JsonObject, StepType
from fp_pipeline.domain.deployment import DeploymentChange, Supersede
from fp_pipeline.domain.events import (
    CompensationTriggered,
    ExecutionCompleted,
    ExecutionEvent,
    ExecutionFailed,
    ExecutionStarted,
)
from fp_pipeline.domain.execution import Execution, ExecutionStatus, Step, StepStatus
from fp_pipeline.domain.policy import EnginePolicy
from fp_pipeline.domain.progress import Progress, joined, moved, origin
from fp_pipeline.domain.promotion import WEIGHTS_BEFORE, Promotion

_DONE = frozenset({StepStatus.COMPLETED, StepStatus.SKIPPED})
_FAILED = frozenset({StepStatus.FAILED, StepStatus.COMPENSATION_FAILED})
_FAILED_BEFORE = "a step before it failed"
_OPEN = frozenset({StepStatus.PENDING, StepStatus.RUNNING, StepStatus.COMPENSATING})


@dataclass(frozen=True, slots=True)
class RunStep:
    """Run the step. resumed: the attempt was started before and nobody runs it now."""

    step_id: str
    resumed: bool


@dataclass(frozen=True, slots=True)
class StopStep:
    """Compensate what a cancelled attempt had begun."""

    step_id: str


@dataclass(frozen=True, slots=True)
class CompensateStep:
    """Compensate the step. resumed: as for an attempt."""

    step_id: str
    resumed: bool


Work = RunStep | StopStep | CompensateStep


def advance(execution: Execution, now: datetime) -> Progress | None:
    """The next consequence of what is known; None when only work or time can change something."""
    match execution.status:
        case ExecutionStatus.PENDING if execution.cancellation is not None:
            return _turn_back(execution, now)
        case ExecutionStatus.PENDING:
            started = replace(execution, status=ExecutionStatus.RUNNING, started_at=now)
            return moved(started, [], now, ExecutionStarted(origin(execution), now))
        case ExecutionStatus.RUNNING:
            return _advance_forward(execution, now)
        case ExecutionStatus.COMPENSATING if not _to_compensate(execution):
            return _end(execution, now, completed=False)
        case _:
            return None


def work(execution: Execution, in_flight: frozenset[str], now: datetime, parallelism: int) -> tuple[Work, ...]:
    """What may start now, beside the steps in flight."""
    if execution.status is ExecutionStatus.COMPENSATING:
        return _compensation_work(execution, in_flight, now)
    if execution.status is not ExecutionStatus.RUNNING:
        return ()
    # A step that fans out has nothing of its own to run.
    running = [step for step in execution.steps if step.status is StepStatus.RUNNING and not step.definition.fans_out]
    idle = [step.step_id for step in running if step.step_id not in in_flight]
    if execution.cancellation is not None:
        return tuple(StopStep(step_id) for step_id in idle)
    resumed = tuple(RunStep(step_id, resumed=True) for step_id in idle)
    free = (1 if execution.is_saga else parallelism) - len(running)
    # Whole steps first: what is behind them would else wait for every item of a step beside them.
    ready = [step for step in _startable(execution) if not step.waits(now)] + fan_out.ready(execution, now)
    # Its last attempt is written and has not landed: the landing would take the next one for its own.
    ready = [step for step in ready if step.step_id not in in_flight]
    return (*resumed, *(RunStep(step.step_id, resumed=False) for step in ready[: max(free, 0)]))


def wake_at(execution: Execution) -> datetime | None:
    """When the next wait of a step ends."""
    return min((step.retry_at for step in execution.steps if step.retry_at is not None), default=None)


def left_behind(execution: Execution) -> bool:
    return any(step.status is StepStatus.COMPENSATION_FAILED for step in execution.steps)


def _advance_forward(execution: Execution, now: datetime) -> Progress | None:
    fanned = None if execution.is_saga else fan_out.advance(execution, now)
    if fanned is not None:
        return fanned
    forward = execution.forward
    if all(step.status in _DONE for step in forward):
        # A cancellation that finds every step done came too late.
        return _end(execution, now, completed=True)
    failed = [step for step in forward if step.status in _FAILED]
    if any(step.status is StepStatus.RUNNING for step in forward) and (execution.cancellation or execution.is_saga):
        return None
    if execution.cancellation is not None or (execution.is_saga and failed):
        return _turn_back(execution, now)
    doomed = graph.descendants(execution.definitions, [step.step_id for step in failed]) if failed else frozenset()
    lost = [step for step in forward if step.step_id in doomed and step.status is StepStatus.PENDING]
    if lost:
        return moved(execution, _skipped(lost, _FAILED_BEFORE, now), now)
    return None if any(step.status in _OPEN for step in forward) else _end(execution, now, completed=False)


def _turn_back(execution: Execution, now: datetime) -> Progress:
    """Nothing more starts; a saga compensates what it did, a graph just ends."""
    undo = _to_compensate(execution)
    if not execution.is_saga or not undo:
        return _end(execution, now, completed=False)
    triggered = CompensationTriggered(
        origin=origin(execution),
        at=now,
        failed_step=execution.failed_step,
        compensating=tuple(step.step_id for step in undo),
    )
    turned = replace(execution, status=ExecutionStatus.COMPENSATING)
    return _skipping(execution, execution.forward, turned, now, triggered)


def _end(execution: Execution, now: datetime, *, completed: bool) -> Progress:
    ended = replace(execution, completed_at=now)
    if completed:
        duration = (now - (execution.started_at or now)).total_seconds()
        done = ExecutionCompleted(origin(execution), now, duration)
        turned = replace(ended, status=ExecutionStatus.COMPLETED)
        return _skipping(execution, execution.steps, turned, now, done)
    cancellation = None if execution.failed_step else execution.cancellation
    turned = replace(
        ended,
        status=ExecutionStatus.CANCELLED if cancellation else ExecutionStatus.FAILED,
        error=cancellation.text if cancellation else execution.error,
    )
    failed = ExecutionFailed(
        origin=origin(execution),
        at=now,
        failed_step=execution.failed_step,
        error=turned.error,
        compensation_failed=left_behind(execution),
        cancelled=cancellation is not None,
    )
    return _skipping(execution, execution.steps, turned, now, failed)


def _skipping(
    execution: Execution, steps: Iterable[Step], turned: Execution, now: datetime, event: ExecutionEvent
) -> Progress:
    """Skip what is pending among `steps` and turn, together: in between, it would look as if all was done.

    The new status comes with the last transition, because watchers stop at one that ends.
    """
    pending = [step for step in steps if step.status is StepStatus.PENDING]
    why = "cancelled" if execution.cancellation else _FAILED_BEFORE if execution.failed_step else "not needed"
    skipped = moved(execution, _skipped(pending, why, now), now) if pending else Progress(execution, ())
    last = replace(turned, steps=skipped.execution.steps, sequence=skipped.execution.sequence)
    return joined(skipped, moved(last, [], now, event))


def _startable(execution: Execution) -> list[Step]:
    forward = execution.forward
    if execution.is_saga:
        rest = [step for step in forward if step.status not in _DONE]
        return [step for step in rest[:1] if step.status is StepStatus.PENDING]
    done = {step.step_id for step in forward if step.status is StepStatus.COMPLETED}
    return [
        step
        for step in forward
        if step.status is StepStatus.PENDING
        and done.issuperset(step.definition.depends_on)
        and not step.definition.fans_out
    ]


def _to_compensate(execution: Execution) -> list[Step]:
    """Completed steps that are not compensated yet, newest first: a saga ran them in this order."""
    return [
        step for step in reversed(execution.forward) if step.status in {StepStatus.COMPLETED, StepStatus.COMPENSATING}
    ]


def _compensation_work(execution: Execution, in_flight: frozenset[str], now: datetime) -> tuple[Work, ...]:
    for step in _to_compensate(execution):
        if step.step_id in in_flight or step.waits(now):
            return ()
        resumed = step.status is StepStatus.COMPENSATING and step.retry_at is None
        return (CompensateStep(step.step_id, resumed=resumed),)
    return ()


def _skipped(steps: Iterable[Step], why: str, now: datetime) -> list[Step]:
    return [
        replace(step, status=StepStatus.SKIPPED, output={"skipped": why}, completed_at=now, retry_at=None)
        for step in steps
    ]


def superseded(execution: Execution, policy: EnginePolicy, now: datetime) -> tuple[DeploymentChange, ...]:
    """What is written with the end of a completed saga: the version before goes, at once or when the time to go back to
    it is over.
    """
    if execution.status is not ExecutionStatus.COMPLETED:
        return ()
    return tuple(
        Supersede(_promotion(execution, step, policy, now), policy.drain)
        for step in execution.steps
        if step.definition.type is StepType.PROMOTE and step.status is StepStatus.COMPLETED
    )


def _promotion(execution: Execution, step: Step, policy: EnginePolicy, now: datetime) -> Promotion:
    config = read(step.definition)
    rules = config if isinstance(config, PromoteConfig) else PromoteConfig("", "", "")
    warm = policy.keep_warm if rules.keep_warm_seconds is None else rules.keep_warm_seconds
    version = str(step.output["version"])
    # The first step that moved the traffic knows how it was.
    moved_by = (each.output[WEIGHTS_BEFORE] for each in execution.steps if WEIGHTS_BEFORE in each.output)
    found: JsonObject = next(moved_by, {})
    return Promotion(
        team=execution.team,
        # An execution that an earlier build began may lack what a rollback asks the registry with.
        model_id=str(step.output.get("model_id", "")),
        model_name=str(step.output["model"]),
        execution_id=execution.id,
        runtime=str(step.output["runtime"]),
        version=version,
        version_id=str(step.output.get("version_id", "")),
        incumbent=str(step.output.get("incumbent", "")),
        before={name: int(weight) for name, weight in found.items() if name != version},
        objective=rules.objective,
        promoted_at=now,
        warm_until=now + timedelta(seconds=warm),
        actor=execution.cause.triggered_by,
    )
