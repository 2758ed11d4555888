"""Ports of the updates of the projection."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from fp_registry.domain.model import Model
from fp_registry.domain.version import Version


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A model and those of its versions that changed after a revision, all at one moment."""

    model: Model
    versions: tuple[Version, ...]


class Changes(Protocol):
    """The write side as the projector reads it."""

    async def after(self, team: str, model_id: str, revision: int) -> Snapshot | None:
        """What changed after the revision; None when the model is not there."""

    def everything(self) -> AsyncIterator[Sequence[Snapshot]]:
        """Every model with all its versions, in batches of a bounded number of rows."""

    async def unprojected(self, limit: int) -> Sequence[tuple[str, str, int]]:
        """Team, id and noted revision of models that were noted, oldest first."""

    async def note(self, team: str, model_ids: Sequence[str]) -> None:
        """See `Transaction.note_unprojected`."""

    async def projected(self, model_id: str, revision: int) -> None:
        """Forget a note that is not newer than the revision."""


class Applied(Enum):
    """APPLIED: written. CURRENT: it has this revision or a newer one. BEHIND: it lacks what comes before `base`."""

    APPLIED = "applied"
    CURRENT = "current"
    BEHIND = "behind"


@dataclass(frozen=True, slots=True)
class ProjectionState:
    """current: the generation that reads see. building: the one that a rebuild fills. Empty when there is none."""

    current: str
    building: str


class Generations(Protocol):
    """The projection as it is written. Every method raises Unavailable while the store is away.

    A generation is one complete copy. Readers see `current`; a rebuild fills another one beside it and switches.
    """

    async def state(self) -> ProjectionState: ...

    async def sound(self) -> bool:
        """Whether the store has run without a restart since `current` was built: a restart may lose its last writes."""

    async def revision_in(self, generation: str, team: str, model_id: str) -> int: ...

    async def apply(self, generation: str, base: int, snapshots: Sequence[Snapshot]) -> Sequence[Applied]:
        """Write what changed after revision `base`; each snapshot is written as a whole or not at all."""

    async def begin(self) -> str:
        """A new generation to fill. Raises FailedPrecondition while another rebuild is at work."""

    async def extend(self, generation: str) -> None:
        """Stay at work. Raises Aborted when another rebuild took over or the store lost the claim."""

    async def switch(self, generation: str) -> None:
        """Let readers see this generation. Raises Aborted like `extend`."""

    async def abandon(self, generation: str) -> None: ...

    async def sweep(self) -> None:
        """Delete every generation that is neither seen nor filled."""
