"""The definition of a pipeline, as a user declares it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

JsonObject = Mapping[str, Any]
"""What JSON can say in an object; never changed after it was made."""


class PipelineType(StrEnum):
    DEPLOYMENT_SAGA = "DEPLOYMENT_SAGA"
    TRAINING_DAG = "TRAINING_DAG"
    BATCH_INFERENCE = "BATCH_INFERENCE"


class StepType(StrEnum):
    VALIDATE = "VALIDATE"
    BUILD = "BUILD"
    DEPLOY = "DEPLOY"
    CANARY = "CANARY"
    PROMOTE = "PROMOTE"
    TRAIN = "TRAIN"
    EVALUATE = "EVALUATE"
    REGISTER = "REGISTER"
    CUSTOM = "CUSTOM"


JOB_STEPS = frozenset({StepType.BUILD, StepType.TRAIN, StepType.EVALUATE, StepType.CUSTOM})
"""Steps that run a process of the user's."""

TRAFFIC_STEPS = frozenset({StepType.DEPLOY, StepType.CANARY, StepType.PROMOTE})
"""Steps that change what is served: only a saga can take them back."""


FAN_OUT = "fan_out"
"""Key of a job's config that asks for one job an item of a list."""


@dataclass(frozen=True, slots=True)
class StepDefinition:
    """timeout: seconds one attempt may take; 0 takes the default of the type. max_retries: attempts after the first."""

    id: str
    type: StepType
    name: str = ""
    depends_on: tuple[str, ...] = ()
    compensation_step_id: str = ""
    config: JsonObject = field(default_factory=dict)
    timeout: float = 0.0
    max_retries: int = 0

    @property
    def fans_out(self) -> bool:
        return self.type in JOB_STEPS and self.config.get(FAN_OUT) is not None


@dataclass(frozen=True, slots=True)
class PipelineDraft:
    """A pipeline as asked for, before it is checked."""

    name: str
    type: PipelineType | None
    steps: tuple[StepDefinition, ...]
    then_pipeline_id: str = ""


@dataclass(frozen=True, slots=True)
class PipelineChange:
    """What is asked to become of a pipeline; None keeps what there is. The type never changes."""

    name: str | None
    steps: tuple[StepDefinition, ...] | None
    then_pipeline_id: str | None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """revision: grows with each change; an execution keeps the revision it started with.

    changed_by: who made the last change; empty when there was none.
    """

    id: str
    team: str
    name: str
    type: PipelineType
    steps: tuple[StepDefinition, ...]
    created_by: str
    created_at: datetime
    revision: int = 1
    then_pipeline_id: str = ""
    changed_by: str = ""
