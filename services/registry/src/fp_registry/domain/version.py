"""A version of a model: one artifact, what it takes and gives, and where it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from fp_kernel import FailedPrecondition, invalid, new_id

from fp_registry.domain import artifact, text
from fp_registry.domain.artifact import Measured
from fp_registry.domain.baseline import BaselineProfile, check_baseline
from fp_registry.domain.metrics import check_metrics
from fp_registry.domain.model import Model
from fp_registry.domain.signature import Signature, check_served, check_signature
from fp_registry.domain.stages import Stage, Status

_ONNX = "onnx"


@dataclass(frozen=True, slots=True)
class Described:
    """Signature and baseline as their maker sent them; empty when not given.

    They are stored and passed on as these bytes, so that what a newer maker adds is not lost here.
    """

    signature: bytes = b""
    baseline: bytes = b""


@dataclass(frozen=True, slots=True)
class NewVersion:
    """What a caller says of a version; see `add_version`. name: empty takes the next number.

    signature, baseline: what `described` says, for the checks.
    """

    name: str = ""
    description: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    run_id: str = ""
    signature: Signature | None = None
    baseline: BaselineProfile | None = None
    described: Described = Described()


@dataclass(frozen=True, slots=True)
class Member:
    """A version that an ensemble runs. step: what it is called there. Names, digest and size as when it was taken."""

    step: str
    model_id: str
    model: str
    version_id: str
    version: str
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Version:
    """name: what the contract calls `version`; unique in the model.

    ordinal: 1, 2, 3 ... in the order of creation within the model.
    artifact_path: key of the object; that of the upload until the version is READY.
    digest, size_bytes: measured here, never taken from a caller; empty and 0 until READY.
    revision: the model's at the last change of this version.
    members: what an ensemble is made of; none of any other version.
    """

    id: str
    model_id: str
    team: str
    name: str
    ordinal: int
    description: str
    stage: Stage
    status: Status
    artifact_path: str
    digest: str
    size_bytes: int
    metrics: Mapping[str, Any]
    created_by: str
    created_at: datetime
    run_id: str
    failure_reason: str
    revision: int
    described: Described = Described()
    members: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """What an ensemble is made of, and the signature that follows from it, as it is stored."""

    members: tuple[Member, ...]
    signature: bytes


def is_served(framework: str) -> bool:
    """Whether the serving runtime runs models of the framework; artifacts of others are stored for their makers."""
    return framework == _ONNX


def add_version(model: Model, new: NewVersion, *, by: str, now: datetime) -> tuple[Model, Version]:
    """A version at stage DEV that waits for its artifact, and its model with it.

    Raises FailedPrecondition when the model is archived, InvalidArgument naming the field.
    """
    model.check_active()
    _check(new)
    if new.signature is not None and is_served(model.framework):
        check_served(new.signature, "signature")
    name = new.name or str(model.next_number)
    model = replace(
        model.changed(now),
        versions=model.versions + 1,
        next_number=max(model.next_number, _number(name) + 1),
        latest_version=name,
    )
    version_id = new_id()
    return model, Version(
        id=version_id,
        model_id=model.id,
        team=model.team,
        name=name,
        ordinal=model.versions,
        description=new.description,
        stage=Stage.DEV,
        status=Status.PENDING_UPLOAD,
        artifact_path=artifact.upload_key(version_id),
        digest="",
        size_bytes=0,
        metrics=new.metrics,
        created_by=by,
        created_at=now,
        run_id=new.run_id,
        failure_reason="",
        revision=model.revision,
        described=new.described,
    )


def make_ready(
    model: Model, version: Version, measured: Measured, now: datetime, made: Made | None = None
) -> tuple[Model, Version]:
    """The version with its artifact. made: of an ensemble.

    Raises FailedPrecondition unless it waits for one, or when the model was archived since: nobody may hear that a
    version of it is ready.
    """
    model.check_active()
    check_waits_for_upload(version)
    model = model.changed(now)
    return model, replace(
        version,
        status=Status.READY,
        artifact_path=artifact.content_key(measured.digest),
        digest=measured.digest,
        size_bytes=measured.size_bytes,
        revision=model.revision,
        members=made.members if made else (),
        described=replace(version.described, signature=made.signature) if made else version.described,
    )


def make_failed(model: Model, version: Version, reason: str, now: datetime) -> tuple[Model, Version]:
    """The version that will never have an artifact. Raises FailedPrecondition unless it waits for one."""
    check_waits_for_upload(version)
    model = model.changed(now)
    return model, replace(version, status=Status.FAILED, failure_reason=reason, revision=model.revision)


def check_waits_for_upload(version: Version) -> None:
    """Raises FailedPrecondition naming what the version is instead."""
    if version.status is not Status.PENDING_UPLOAD:
        raise FailedPrecondition(
            f"version {version.name} is {version.status}; create a new version for another artifact",
            reason="VERSION_NOT_PENDING",
            metadata={"status": version.status},
        )
    if version.stage is Stage.ARCHIVED:
        raise FailedPrecondition(f"version {version.name} is ARCHIVED", reason="VERSION_ARCHIVED")


def _check(new: NewVersion) -> None:
    if new.name:
        text.check_version_name(new.name, "version")
        _check_room_for_the_next(new.name)
    text.check_description(new.description, "description")
    text.check_label(new.run_id, "run_id", text.MAX_RUN_ID)
    check_metrics(new.metrics, "metrics")
    if new.signature is not None:
        check_signature(new.signature, "signature")
    if new.baseline is not None:
        check_baseline(new.baseline, "baseline_profile", new.signature)


def _check_room_for_the_next(name: str) -> None:
    """A version that gets no name takes the next number, which must be a name that reads accept."""
    if name.isdecimal() and len(name) >= text.MAX_VERSION_DIGITS:
        raise invalid("version", f"a number has at most {text.MAX_VERSION_DIGITS - 1} digits")


def _number(name: str) -> int:
    """The number that a name is; 0 for any other text, such as `1.0` or `007`."""
    return int(name) if name.isdecimal() and str(int(name)) == name else 0
