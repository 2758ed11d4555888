"""One run of a pipeline: what happened to each step so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from fp_pipeline.domain import graph
from fp_pipeline.domain.definition import JsonObject, PipelineType, StepDefinition


class ExecutionStatus(StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPENSATING = "COMPENSATING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def ended(self) -> bool:
        return self in _ENDED


_ENDED = frozenset({ExecutionStatus.COMPLETED, ExecutionStatus.FAILED, ExecutionStatus.CANCELLED})


class StepStatus(StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    COMPENSATING = "COMPENSATING"
    COMPENSATED = "COMPENSATED"
    COMPENSATION_FAILED = "COMPENSATION_FAILED"


@dataclass(frozen=True, slots=True)
class Item:
    """What makes a step one of many: the step that fans out, the position in its list, the entry there."""

    parent: str
    index: int
    value: Any


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one execution, or one item of a step that fans out.

    attempt: how often it was started; part of the name of every effect. undo_attempt: the same for its compensation.
    started_at: of the newest attempt. retry_at: it waits until then.
    compute: seconds for which jobs ran for it, all attempts together; with its items where it fans out.
    """

    id: str
    definition: StepDefinition
    status: StepStatus = StepStatus.PENDING
    attempt: int = 0
    undo_attempt: int = 0
    started_at: datetime | None = None
    completed_at: datetime | None = None
    output: JsonObject = field(default_factory=dict)
    error: str = ""
    retry_at: datetime | None = None
    item: Item | None = None
    compute: float = 0.0

    @property
    def step_id(self) -> str:
        return self.definition.id

    @property
    def declared_id(self) -> str:
        """Id of the step in the pipeline."""
        return self.item.parent if self.item else self.definition.id

    def waits(self, now: datetime) -> bool:
        return self.retry_at is not None and self.retry_at > now


@dataclass(frozen=True, slots=True)
class Cancellation:
    by: str
    reason: str

    @property
    def text(self) -> str:
        return f"cancelled by {self.by}" + (f": {self.reason}" if self.reason else "")


@dataclass(frozen=True, slots=True)
class Cause:
    """Where an execution came from: who, and the trace and correlation it belongs to."""

    triggered_by: str
    event_id: str = ""
    correlation_id: str = ""
    trace: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Execution:
    """steps: as declared, and then the items of those that fanned out. sequence: number of the newest transition.

    failed_step: the first that failed for good.
    """

    id: str
    team: str
    pipeline_id: str
    pipeline_name: str
    pipeline_revision: int
    type: PipelineType
    steps: tuple[Step, ...]
    input: JsonObject
    cause: Cause
    created_at: datetime
    status: ExecutionStatus = ExecutionStatus.PENDING
    current_step: str = ""
    started_at: datetime | None = None
    completed_at: datetime | None = None
    error: str = ""
    failed_step: str = ""
    cancellation: Cancellation | None = None
    sequence: int = 0

    @property
    def is_saga(self) -> bool:
        return self.type is PipelineType.DEPLOYMENT_SAGA

    @property
    def definitions(self) -> tuple[StepDefinition, ...]:
        return tuple(step.definition for step in self.declared)

    @property
    def declared(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.item is None)

    def items(self, step_id: str) -> tuple[Step, ...]:
        """Of a step that fanned out, in the order of its list."""
        return tuple(step for step in self.steps if step.item is not None and step.item.parent == step_id)

    @property
    def forward(self) -> tuple[Step, ...]:
        """Steps of the way forward, parents first: without those that only undo."""
        by_id = {step.step_id: step for step in self.declared}
        undoers = graph.compensators(self.definitions)
        return tuple(by_id[step_id] for step_id in graph.order(self.definitions) if step_id not in undoers)

    def step(self, step_id: str) -> Step:
        return next(step for step in self.steps if step.step_id == step_id)

    def with_steps(self, *changed: Step) -> "Execution":
        """With these steps as they are now; items that are new come last."""
        newest = {step.step_id: step for step in changed}
        known = [newest.pop(step.step_id, step) for step in self.steps]
        return replace(self, steps=(*known, *(step for step in newest.values() if step.item is not None)))


@dataclass(frozen=True, slots=True)
class Transition:
    """One numbered change of an execution, as watchers see it. step: the changed step; None when only the whole did."""

    sequence: int
    status: ExecutionStatus
    current_step: str
    error: str
    step: Step | None
    at: datetime


def after(execution: Execution, transition: Transition) -> Execution:
    """The execution as it was after the transition, from what it was before."""
    changed = execution if transition.step is None else execution.with_steps(transition.step)
    started = execution.started_at
    if started is None and transition.status is ExecutionStatus.RUNNING:
        started = transition.at
    return replace(
        changed,
        status=transition.status,
        current_step=transition.current_step,
        error=transition.error,
        started_at=started,
        completed_at=transition.at if transition.status.ended else None,
        sequence=transition.sequence,
    )
