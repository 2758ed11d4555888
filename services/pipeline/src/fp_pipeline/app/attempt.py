"""One attempt of one step, given to an executor, and its answer."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from fp_kernel import Error, Kind

from fp_pipeline.app.peers import Actor, ModelRef
from fp_pipeline.domain.config import StepConfig, read
from fp_pipeline.domain.definition import JsonObject, StepType
from fp_pipeline.domain.deployment import DeploymentChange
from fp_pipeline.domain.execution import Execution, Step
from fp_pipeline.domain.json_values import clean
from fp_pipeline.domain.names import AttemptName

AWAY = frozenset({Kind.UNAVAILABLE, Kind.DEADLINE_EXCEEDED, Kind.ABORTED, Kind.RESOURCE_EXHAUSTED, Kind.CANCELLED})
"""Says nothing of the step: whoever was asked cannot answer now."""
TRANSIENT = AWAY | {Kind.INTERNAL}
"""Another attempt may fare better."""

Checkpoint = Callable[[JsonObject, Sequence[DeploymentChange]], Awaitable[None]]


class StepFailed(Exception):
    """The step did its work and the outcome is a failure. final: another attempt cannot change it."""

    def __init__(self, message: str, *, final: bool) -> None:
        super().__init__(message)
        self.message = message
        self.final = final


class Queued(Exception):
    """A step may not start before another execution has ended; this one is left alone until it is looked at again."""


@dataclass(frozen=True, slots=True)
class Failure:
    """final: another attempt cannot change it. away: whoever was asked did not answer."""

    text: str
    final: bool
    away: bool = False


def failure(error: Error | StepFailed) -> Failure:
    if isinstance(error, StepFailed):
        return Failure(clean(error.message), error.final)
    return Failure(clean(error.message), error.kind not in TRANSIENT, away=error.kind in AWAY)


@dataclass(frozen=True, slots=True)
class Outcome:
    """output: kept, and passed to the steps behind. changes: written with it. skipped: why there was nothing to do."""

    output: JsonObject = field(default_factory=dict)
    changes: tuple[DeploymentChange, ...] = ()
    skipped: str = ""


@dataclass(slots=True)
class Attempt:
    """One attempt, maybe resumed: then its effects are looked up by name before they are made.

    execution: as it was when the attempt started.
    log: lines the executor wants kept; log_skipped: lines before them that are not.
    waits_for: what it waits for just now, reported when its time is up.
    compute: seconds for which its job ran.
    """

    execution: Execution
    step: Step
    checkpoint_with: Checkpoint
    log: list[str] = field(default_factory=list)
    log_skipped: int = 0
    waits_for: str = ""
    compute: float = 0.0

    @property
    def name(self) -> AttemptName:
        return AttemptName(self.execution.id, self.step.step_id, self.step.attempt)

    @property
    def actor(self) -> Actor:
        return Actor(self.execution.team, self.execution.cause.triggered_by)

    @property
    def config(self) -> StepConfig:
        return read(self.step.definition)

    @property
    def model(self) -> str:
        """Name of the model that is deployed; a step before knows it when the input names an id alone."""
        return self._validated_model or self.input_text("model")

    @property
    def knows_model(self) -> bool:
        return bool(self._validated_model or self.execution.input.get("model"))

    @property
    def _validated_model(self) -> str:
        for step in self.execution.steps:
            if step.definition.type in {StepType.VALIDATE, StepType.DEPLOY} and step.output.get("model"):
                return str(step.output["model"])
        return ""

    @property
    def model_ref(self) -> ModelRef:
        """As the input names it. Raises StepFailed when it does not."""
        by_id = str(self.execution.input.get("model_id") or "")
        return (
            ModelRef("", by_id)
            if by_id and not self.execution.input.get("model")
            else ModelRef(self.input_text("model"))
        )

    def input_text(self, key: str) -> str:
        """Raises StepFailed when the execution's input lacks it."""
        value = self.execution.input.get(key)
        if not isinstance(value, str) or not value:
            raise StepFailed(f"input.{key} is missing", final=True)
        return value

    async def checkpoint(self, facts: JsonObject, *changes: DeploymentChange) -> None:
        """Keep what a resumed attempt or its undoing must know, before the effect it speaks of."""
        self.step = replace(self.step, output={**self.step.output, **facts})
        await self.checkpoint_with(self.step.output, changes)

    def ancestor(self, step_id: str) -> AttemptName:
        """The attempt of an earlier step whose files count."""
        return AttemptName(self.execution.id, step_id, self.execution.step(step_id).attempt)


class Queue(Protocol):
    async def ahead(self, attempt: Attempt) -> str:
        """The other execution that the step must wait for before it starts; empty when it may start."""


class Executor(Protocol):
    async def run(self, attempt: Attempt) -> Outcome:
        """Do the step. Raises Error or StepFailed; may be cancelled at any await and run again.

        An Error that says that a peer is away needs no care: the step waits for it and is run again.
        """

    async def compensate(self, attempt: Attempt) -> JsonObject:
        """Undo what the attempt did or half did: after a failure, a cancellation, or because a later step failed.

        Finding nothing to undo is fine. The answer is kept as the output of a declared compensation step.
        """
