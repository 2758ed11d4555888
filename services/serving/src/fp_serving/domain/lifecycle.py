"""How far a model has come that is brought up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ModelState(StrEnum):
    DOWNLOADING = "DOWNLOADING"
    LOADING = "LOADING"
    READY = "READY"
    FAILED = "FAILED"
    UNLOADED = "UNLOADED"
    """Of a version whose model was taken out of memory; nothing that is brought up gets there."""


class LoadFailed(Exception):
    """The model can never be served by this process; the text says why and is shown to callers.

    reason: for programs.
    """

    reason = "LOAD_FAILED"


class WrongDigest(LoadFailed):
    """What was downloaded, or what the registry says, is not what was expected."""

    reason = "DIGEST_MISMATCH"


class TooLarge(LoadFailed):
    """It has no place beside others; a process of its own has no such bound."""

    reason = "MODEL_TOO_LARGE"


class Quarantined(LoadFailed):
    """Loading it ended processes: it may do so only where no other model is hurt."""

    reason = "QUARANTINED"


class WarmUpFailed(LoadFailed):
    """A sample that was registered with the version does not fit it, or the model cannot compute it."""

    reason = "WARM_UP_FAILED"


class MemberFailed(LoadFailed):
    """A version that the ensemble runs cannot be served here."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Status:
    """state: as of `updated_at` (UTC). message: for people: what is waited for, what is left out, why it failed.
    reason: why it FAILED, for programs.
    """

    state: ModelState
    message: str
    updated_at: datetime
    reason: str = ""


_NEXT: Mapping[ModelState, frozenset[ModelState]] = {
    ModelState.DOWNLOADING: frozenset({ModelState.DOWNLOADING, ModelState.LOADING, ModelState.FAILED}),
    ModelState.LOADING: frozenset({ModelState.READY, ModelState.FAILED}),
    ModelState.READY: frozenset(),
    ModelState.FAILED: frozenset(),
    ModelState.UNLOADED: frozenset(),
}


class Lifecycle:
    """DOWNLOADING -> LOADING -> READY, or FAILED from either of the first two; the last two are final."""

    def __init__(self, now: datetime) -> None:
        self.status = Status(ModelState.DOWNLOADING, "asking the registry", now)

    def move(self, state: ModelState, message: str, now: datetime, reason: str = "") -> None:
        """Raises ValueError for a step that does not exist."""
        if state not in _NEXT[self.status.state]:
            raise ValueError(f"a model does not go from {self.status.state} to {state}")
        self.status = Status(state, message, now, reason)
