"""Two steps: an upload is measured (read whole: size, digest, whether it can be served), then its version is confirmed
(the measurement becomes its status).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from fp_kernel import Aborted, FailedPrecondition, InvalidArgument

from fp_registry.app.ports import Artifacts, ContentClaims, Records, Transaction, Upload, UploadChanged
from fp_registry.app.refusals import content_goes, no_version, upload_missing
from fp_registry.domain.artifact import Measured, content_key
from fp_registry.domain.events import VersionReady
from fp_registry.domain.model import Model
from fp_registry.domain.stages import Status
from fp_registry.domain.version import Made, Version, is_served, make_failed, make_ready

_ATTEMPTS = 3
# Longer than the copy of the largest artifact and the change after it take.
_CLAIM = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Refused:
    """reason: for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """made: of an ensemble."""

    measured: Measured
    made: Made | None = None


Measurement = Accepted | Refused


@dataclass(frozen=True, slots=True)
class Confirmed:
    model: Model
    version: Version


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """Bytes. inline: a larger upload is measured in the background. artifact: a larger upload is refused."""

    inline: int = 32 * 1024 * 1024
    # The most that one PUT writes and one server-side copy reads in the S3 API.
    artifact: int = 5 * 1024 * 1024 * 1024

    def check(self, upload: Upload) -> None:
        """Raises FailedPrecondition for an upload that is never taken."""
        if upload.size_bytes == 0:
            raise FailedPrecondition(
                "the uploaded artifact is empty: PUT it again, then confirm", reason="UPLOAD_EMPTY"
            )
        if upload.size_bytes > self.artifact:
            raise FailedPrecondition(
                f"the uploaded artifact has {upload.size_bytes} bytes, at most {self.artifact} are taken",
                reason="UPLOAD_TOO_LARGE",
            )


async def measure_upload(
    records: Records,
    artifacts: Artifacts,
    contents: ContentClaims,
    version: Version,
    upload: Upload,
    *,
    expected_digest: str,
    limits: SizeLimits,
    longest: int,
) -> Measurement:
    """Read the upload and, when it is what was expected, copy it to its content's key.

    The URL stays valid, so what is read may be another object than the one that was looked at first: each is measured
    against the limits. longest: bytes that this caller has the time to read.
    Raises Aborted when it is written again and again meanwhile or grows beyond `longest`, FailedPrecondition when it
    goes away or may not be taken.
    """
    served = is_served(await records.framework(version.team, version.model_id))
    for _ in range(_ATTEMPTS):
        limits.check(upload)
        if upload.size_bytes > longest:
            break
        try:
            measured = await artifacts.measure(version.artifact_path, upload, served=served)
            if expected_digest and measured.digest != expected_digest:
                return mismatch(measured.digest, expected_digest)
            if measured.flaw:
                return Refused(measured.flaw)
            made = await _made(records, version, measured)
            if isinstance(made, Refused):
                return made
            if not await contents.claim(content_key(measured.digest), _CLAIM):
                raise content_goes()
            await artifacts.adopt(version.artifact_path, upload, measured)
        except UploadChanged:
            found = await artifacts.look(version.artifact_path)
            if found is None:
                raise upload_missing() from None
            upload = found
        else:
            return Accepted(measured, made)
    raise Aborted("the artifact is still being uploaded; confirm it when that is done", retry_after=1.0)


async def _made(records: Records, version: Version, measured: Measured) -> Made | Refused | None:
    if measured.ensemble is None:
        return None
    try:
        return await records.made(version, measured.ensemble)
    except InvalidArgument as error:
        return Refused(f"the uploaded ensemble cannot be served: {error.message}")


def mismatch(digest: str, expected_digest: str) -> Refused:
    return Refused(f"the uploaded artifact is {digest}, expected was {expected_digest}")


async def confirm(
    tx: Transaction,
    team: str,
    version_id: str,
    measurement: Measurement | None,
    *,
    expected_digest: str,
    by: str,
    now: datetime,
) -> Confirmed:
    """Give the version its status; one that has its status already stays as it is.

    measurement: None when the version had its status before anything was measured.
    Raises NotFound, FailedPrecondition when the version is archived or READY with another digest than the expected,
    Aborted when the content was deleted since it was stored.
    """
    model, version = await locked(tx, team, version_id)
    if version.status is not Status.PENDING_UPLOAD or measurement is None:
        _check_expected(version, expected_digest)
        return Confirmed(model, version)
    if isinstance(measurement, Refused):
        model, version = make_failed(model, version, measurement.reason, now)
        await tx.unprojected.add(model)
    else:
        if measurement.made is not None:
            await _hold_members(tx, measurement.made, team)
        model, version = make_ready(model, version, measurement.measured, now, measurement.made)
        if not await tx.contents.refer(version.artifact_path):
            raise content_goes()
        tx.outbox.add(VersionReady(model, version, by=by, at=now))
    await tx.versions.save(version)
    if version.members:
        await tx.versions.compose(version)
    await tx.models.save(model)
    await tx.uploads.remove(version.id)
    return Confirmed(model, version)


async def _hold_members(tx: Transaction, made: Made, team: str) -> None:
    """Raises Aborted when a model was archived since its version was looked at."""
    models = {member.model_id for member in made.members}
    if models - await tx.models.hold(team, models):
        raise Aborted("the model of a step was archived just now; confirm again", retry_after=1.0)


async def locked(tx: Transaction, team: str, version_id: str) -> tuple[Model, Version]:
    """The model of a version and the version, against other changes until the end. Raises NotFound."""
    model = await tx.models.lock_of(team, version_id)
    # Read after the lock is held: what was read before may have changed while waiting for it.
    version = await tx.versions.find(team, version_id) if model else None
    if model is None or version is None:
        raise no_version()
    return model, version


def _check_expected(version: Version, expected_digest: str) -> None:
    if version.status is Status.READY and expected_digest not in ("", version.digest):
        raise FailedPrecondition(
            f"version {version.name} is READY with {version.digest}, expected was {expected_digest}",
            reason="DIGEST_MISMATCH",
        )
