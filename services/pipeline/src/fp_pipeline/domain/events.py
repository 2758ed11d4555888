"""The events of pipeline."""

from dataclasses import dataclass
from datetime import datetime

from fp_pipeline.domain.definition import JsonObject, PipelineType, StepType
from fp_pipeline.domain.deployment import Deployment, UndeployReason


@dataclass(frozen=True, slots=True)
class Origin:
    """The execution an event is about."""

    execution_id: str
    pipeline_id: str
    pipeline_name: str
    pipeline_type: PipelineType
    team: str
    actor: str


@dataclass(frozen=True, slots=True)
class ExecutionStarted:
    origin: Origin
    at: datetime


@dataclass(frozen=True, slots=True)
class StepCompleted:
    """compute: seconds for which jobs ran for the step, all attempts and items together."""

    origin: Origin
    at: datetime
    step_id: str
    step_type: StepType
    output: JsonObject
    compute: float = 0.0


@dataclass(frozen=True, slots=True)
class StepFailed:
    """compute: as of a completed step. cancelled: it was stopped and did not fail by itself."""

    origin: Origin
    at: datetime
    step_id: str
    step_type: StepType
    error: str
    attempts: int
    compute: float = 0.0
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class CompensationTriggered:
    """compensating: the steps to undo, newest first. failed_step: empty when a person cancelled."""

    origin: Origin
    at: datetime
    failed_step: str
    compensating: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExecutionCompleted:
    """duration: seconds since the start."""

    origin: Origin
    at: datetime
    duration: float


@dataclass(frozen=True, slots=True)
class ExecutionFailed:
    """Also a cancelled one: `error` says so."""

    origin: Origin
    at: datetime
    failed_step: str
    error: str
    compensation_failed: bool
    cancelled: bool


@dataclass(frozen=True, slots=True)
class ModelDeployed:
    """Also sent again when the runtime of a live deployment has a new address."""

    deployment: Deployment
    at: datetime
    actor: str = ""


@dataclass(frozen=True, slots=True)
class ModelUndeployed:
    deployment: Deployment
    at: datetime
    reason: UndeployReason
    actor: str = ""
    detail: str = ""


ExecutionEvent = (
    ExecutionStarted | StepCompleted | StepFailed | CompensationTriggered | ExecutionCompleted | ExecutionFailed
)
Event = ExecutionEvent | ModelDeployed | ModelUndeployed
