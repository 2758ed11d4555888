"""How versions come into PRODUCTION and leave it."""

from dataclasses import dataclass, replace
from datetime import datetime

from fp_kernel import FailedPrecondition

from fp_registry.domain.model import Model
from fp_registry.domain.stages import Stage, check_move
from fp_registry.domain.version import Version


@dataclass(frozen=True, slots=True)
class Move:
    """The model and its versions after a move.

    origin: the stage that the version came from.
    demoted: the version that was in PRODUCTION before and is ARCHIVED now.
    """

    model: Model
    version: Version
    origin: Stage
    demoted: Version | None = None

    @property
    def enters_production(self) -> bool:
        return self.version.stage is Stage.PRODUCTION

    @property
    def leaves_production(self) -> bool:
        return self.origin is Stage.PRODUCTION or self.demoted is not None


@dataclass(frozen=True, slots=True)
class Tenure:
    """A span of time in which a version was in PRODUCTION. ended_at: None while it lasts."""

    version_id: str
    version: str
    started_at: datetime
    ended_at: datetime | None
    promoted_by: str


def promote(model: Model, version: Version, target: Stage, incumbent: Version | None, now: datetime) -> Move | None:
    """Move the version; None when it stands there already, so that asking twice does no harm.

    incumbent: the version in PRODUCTION, if any.
    Raises FailedPrecondition when the move is not allowed or the model is archived.
    """
    model.check_active()
    if version.stage is target:
        return None
    check_move(version.stage, version.status, target)
    return _move(model, version, target, incumbent, now)


def rollback(model: Model, previous: Version | None, incumbent: Version | None, now: datetime) -> Move:
    """Bring the version that was last in PRODUCTION back; the only way out of ARCHIVED.

    previous: the last version in PRODUCTION that is not the incumbent.
    Raises FailedPrecondition when there is none or the model is archived.
    """
    model.check_active()
    if previous is None:
        raise FailedPrecondition(
            f"model {model.name} has no earlier production version to go back to", reason="NOTHING_TO_ROLL_BACK_TO"
        )
    return _move(model, previous, Stage.PRODUCTION, incumbent, now)


def archive(model: Model, incumbent: Version | None, now: datetime, *, force: bool) -> tuple[Model, Version | None]:
    """The model out of use, and the version that was in PRODUCTION, which leaves it.

    force: also when a version is in PRODUCTION. Raises FailedPrecondition when one is and it is not forced: archiving
    stops what serves it.
    """
    if incumbent is not None and not force:
        raise FailedPrecondition(
            f"version {incumbent.name} of model {model.name} is in PRODUCTION; archive that version first, or force it",
            reason="MODEL_IN_PRODUCTION",
            metadata={"version": incumbent.name},
        )
    model = replace(model.changed(now), archived_at=now, production_version="")
    if incumbent is not None:
        incumbent = replace(incumbent, stage=Stage.ARCHIVED, revision=model.revision)
    return model, incumbent


def _move(model: Model, version: Version, target: Stage, incumbent: Version | None, now: datetime) -> Move:
    origin = version.stage
    model = model.changed(now)
    version = replace(version, stage=target, revision=model.revision)
    demoted = None
    if target is Stage.PRODUCTION:
        model = replace(model, production_version=version.name)
        if incumbent is not None:
            demoted = replace(incumbent, stage=Stage.ARCHIVED, revision=model.revision)
    elif origin is Stage.PRODUCTION:
        model = replace(model, production_version="")
    return Move(model, version, origin, demoted)
