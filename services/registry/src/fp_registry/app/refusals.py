"""The refusals of the registry, each with its reason. What another team has is not there."""

from collections.abc import Collection

from fp_kernel import Aborted, AlreadyExists, FailedPrecondition, NotFound

_CONTENT_RETRY = 60.0


def no_model() -> NotFound:
    return NotFound("there is no such model", reason="MODEL_NOT_FOUND")


def no_version() -> NotFound:
    return NotFound("there is no such version", reason="VERSION_NOT_FOUND")


def name_taken(kind: str, name: str) -> AlreadyExists:
    return AlreadyExists(
        f"the {kind} name {name} is taken; names stay reserved also after archive", reason=f"{kind.upper()}_EXISTS"
    )


def upload_missing() -> FailedPrecondition:
    return FailedPrecondition(
        "nothing is uploaded yet: PUT the artifact to the upload URL (GetUploadURL gives a fresh one), then confirm",
        reason="UPLOAD_MISSING",
    )


def content_goes() -> Aborted:
    return Aborted(
        "the same content, which no version had, is being deleted; confirm again",
        reason="CONTENT_DELETED",
        retry_after=_CONTENT_RETRY,
    )


def members_archived(models: Collection[str]) -> FailedPrecondition:
    names = ", ".join(sorted(models))
    return FailedPrecondition(
        f"what an ensemble of it runs is archived: restore {names} first",
        reason="MEMBER_ARCHIVED",
        metadata={"models": names},
    )


def in_ensemble(model: str, version: str) -> FailedPrecondition:
    return FailedPrecondition(
        f"version {version} of {model} is an ensemble that runs a version of it; archive that first",
        reason="MODEL_IN_ENSEMBLE",
        metadata={"model": model, "version": version},
    )
