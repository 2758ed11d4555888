"""Where a version stands: its stage in the life of its model, and the status of its artifact."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from fp_kernel import FailedPrecondition


class Stage(StrEnum):
    DEV = "DEV"
    STAGING = "STAGING"
    PRODUCTION = "PRODUCTION"
    ARCHIVED = "ARCHIVED"


class Status(StrEnum):
    """PENDING_UPLOAD until the artifact is confirmed; READY and FAILED are for ever."""

    PENDING_UPLOAD = "PENDING_UPLOAD"
    READY = "READY"
    FAILED = "FAILED"


# Forward only, STAGING may be skipped; ARCHIVED is left by a rollback alone.
_MOVES: Mapping[Stage, frozenset[Stage]] = MappingProxyType(
    {
        Stage.DEV: frozenset({Stage.STAGING, Stage.PRODUCTION, Stage.ARCHIVED}),
        Stage.STAGING: frozenset({Stage.PRODUCTION, Stage.ARCHIVED}),
        Stage.PRODUCTION: frozenset({Stage.ARCHIVED}),
        Stage.ARCHIVED: frozenset(),
    }
)
_SERVED = frozenset({Stage.STAGING, Stage.PRODUCTION})


def check_move(stage: Stage, status: Status, target: Stage) -> None:
    """Raises FailedPrecondition when a version in `stage` with `status` must not move to `target`."""
    if target not in _MOVES[stage]:
        raise FailedPrecondition(_refusal(stage, target), reason="STAGE_MOVE_REFUSED", metadata=_facts(stage, target))
    if target in _SERVED and status is not Status.READY:
        raise FailedPrecondition(
            f"the version is {status}; only a READY version can go to {target}: upload its artifact and confirm it",
            reason="VERSION_NOT_READY",
            metadata={"status": status},
        )


def _refusal(stage: Stage, target: Stage) -> str:
    if stage is Stage.ARCHIVED:
        return "the version is ARCHIVED for ever; RollbackModel brings the last production version back"
    return f"a version moves from {stage} to {', '.join(sorted(_MOVES[stage]))}, not to {target}"


def _facts(stage: Stage, target: Stage) -> dict[str, str]:
    return {"from_stage": stage, "to_stage": target}
