"""How far the one model of this process has come."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ModelState(StrEnum):
    DOWNLOADING = "DOWNLOADING"
    LOADING = "LOADING"
    READY = "READY"
    FAILED = "FAILED"


class LoadFailed(Exception):
    """The model can never be served by this process; the text says why and is shown to callers."""


class WrongDigest(LoadFailed):
    """What was downloaded is not what the registry measured."""


@dataclass(frozen=True, slots=True)
class Status:
    """state: as of `updated_at` (UTC). message: for people: what is waited for, what is left out, why it failed."""

    state: ModelState
    message: str
    updated_at: datetime


_NEXT: Mapping[ModelState, frozenset[ModelState]] = {
    ModelState.DOWNLOADING: frozenset({ModelState.DOWNLOADING, ModelState.LOADING, ModelState.FAILED}),
    ModelState.LOADING: frozenset({ModelState.READY, ModelState.FAILED}),
    ModelState.READY: frozenset(),
    ModelState.FAILED: frozenset(),
}


class Lifecycle:
    """DOWNLOADING -> LOADING -> READY, or FAILED from either of the first two; the last two are final."""

    def __init__(self, now: datetime) -> None:
        self.status = Status(ModelState.DOWNLOADING, "asking the registry", now)

    def move(self, state: ModelState, message: str, now: datetime) -> None:
        """Raises ValueError for a step that does not exist."""
        if state not in _NEXT[self.status.state]:
            raise ValueError(f"a model does not go from {self.status.state} to {state}")
        self.status = Status(state, message, now)
