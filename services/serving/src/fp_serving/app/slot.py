"""A model version that is brought up in this process."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fp_kernel import Clock, FailedPrecondition, Unavailable
from fp_kernel.tensors import Tensor

from fp_serving.domain.lifecycle import Lifecycle, ModelState, Status
from fp_serving.domain.schema import Schema


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which version to bring up. digest: that the registry must have of it; empty for any."""

    team: str
    version_id: str
    model_name: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """What the registry says of the version; it never changes once the version is READY.

    version: the label that people use, for example "3". digest: "sha256:<hex>".
    """

    team: str
    version_id: str
    model_id: str
    version: str
    digest: str
    size_bytes: int


class Answering(Protocol):
    """How an ensemble answers."""

    async def __call__(self, inputs: Mapping[str, Tensor], *, deadline: float) -> Mapping[str, Tensor]: ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """plan: of an ensemble; None of a model, which runs by itself."""

    facts: VersionFacts
    schema: Schema
    shares: bool
    loaded_at: datetime
    memory_bytes: int
    plan: Answering | None = None


class Slot:
    """How far the model has come, and the model."""

    def __init__(self, assignment: Assignment, clock: Clock) -> None:
        self.assignment = assignment
        self.facts: VersionFacts | None = None
        self._clock = clock
        self._lifecycle = Lifecycle(clock.now())
        self._loaded: Loaded | None = None

    @property
    def status(self) -> Status:
        return self._lifecycle.status

    @property
    def memory_bytes(self) -> int:
        """What loading added to this process; 0 before."""
        return self._loaded.memory_bytes if self._loaded else 0

    @property
    def is_ready(self) -> bool:
        return self._loaded is not None

    def move(self, state: ModelState, message: str, reason: str = "") -> None:
        self._lifecycle.move(state, message, self._clock.now(), reason)

    def ready(self, loaded: Loaded, message: str) -> None:
        self._loaded = loaded
        self.move(ModelState.READY, message)

    def loaded(self) -> Loaded:
        """Raises Unavailable until the model is READY, FailedPrecondition when it FAILED."""
        if self._loaded is not None:
            return self._loaded
        status = self.status
        if status.state is ModelState.FAILED:
            raise FailedPrecondition(f"the model cannot be served: {status.message}", reason="MODEL_FAILED")
        raise Unavailable(f"the model is {status.state}", reason="MODEL_NOT_READY", retry_after=1.0)
