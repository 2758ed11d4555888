"""A promotion that can still be taken back: the version before stays warm for a while, and an objective is watched."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from fp_pipeline.domain.objective import Objective
from fp_pipeline.domain.statistics import Counts
from fp_pipeline.domain.traffic import Weights, only, scaled

WEIGHTS_BEFORE: Final = "weights_before"
"""Key of a step's output: the split before the step moved it."""
LOOKBACK: Final = timedelta(minutes=5)
"""Of the promoted version counts what it did in this time: a fault of now is not thinned by an hour that went well."""
COMPARED: Final = timedelta(hours=1)
"""Of the versions before, from so long before the promotion on."""


class PromotionState(StrEnum):
    """WATCHED: it can be rolled back. ROLLING_BACK: decided and stored; whoever finds it goes on. The others: ended."""

    WATCHED = "WATCHED"
    ROLLING_BACK = "ROLLING_BACK"
    ROLLED_BACK = "ROLLED_BACK"
    OVER = "OVER"


@dataclass(frozen=True, slots=True)
class Promotion:
    """The newest of a model. before: basis points by version that a rollback returns to; these versions stay warm.

    incumbent: id of the version that was in PRODUCTION; empty when there was none.
    actor: who promoted. ended_by: who rolled back; empty when the objective did. reason: why it ended, in words.
    """

    team: str
    model_id: str
    model_name: str
    execution_id: str
    runtime: str
    version: str
    version_id: str
    incumbent: str
    before: Weights
    objective: Objective
    promoted_at: datetime
    warm_until: datetime
    actor: str
    state: PromotionState = PromotionState.WATCHED
    reason: str = ""
    ended_by: str = ""
    ended_at: datetime | None = None

    @property
    def place(self) -> tuple[str, str]:
        """Whose newest promotion it is: team and model."""
        return self.team, self.model_name

    @property
    def after(self) -> Weights:
        """The split that a rollback sets."""
        return {**only(self.version, self.before), **self.before, self.version: 0}

    def warm(self, versions: Iterable[str]) -> "Promotion | None":
        """With those versions alone that are there; None when there is nobody to go back to."""
        there = set(versions)
        shares = {version: weight for version, weight in self.before.items() if weight and version in there}
        kept = shares and self.version_id and self.warm_until > self.promoted_at
        return replace(self, before=scaled(shares)) if kept else None

    def over(self, at: datetime) -> "Promotion":
        """It can be taken back no more, and whoever takes it back now stops."""
        return replace(self, state=PromotionState.OVER, ended_at=at)

    def key(self, verb: str) -> str:
        """Of a command to another service: a repeat happens once."""
        return f"{self.execution_id}-{verb}"


def of_versions(counted: Mapping[str, Counts], versions: Iterable[str]) -> list[Counts]:
    return [counted[version] for version in versions if version in counted]
