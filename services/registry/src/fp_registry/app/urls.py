"""URLs by which artifacts come and go; they never pass through this service."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from fp_kernel import Clock, FailedPrecondition, Principal, invalid

from fp_registry.app.ports import Artifacts, Records
from fp_registry.app.refusals import no_version
from fp_registry.domain.artifact import upload_key
from fp_registry.domain.stages import Status
from fp_registry.domain.version import Version, check_waits_for_upload

DEFAULT_TTL = timedelta(minutes=15)
MAX_TTL = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class PresignedUrl:
    url: str
    expires_at: datetime


def lifetime(seconds: int, field: str) -> timedelta:
    """What a caller asked for, at most an hour; 15 minutes for 0. Raises InvalidArgument naming `field`."""
    if seconds < 0:
        raise invalid(field, "must not be negative")
    # Compared as numbers: a timedelta of any int64 would overflow.
    return timedelta(seconds=min(seconds, int(MAX_TTL.total_seconds()))) if seconds else DEFAULT_TTL


class ArtifactUrls:
    def __init__(self, records: Records, artifacts: Artifacts, clock: Clock) -> None:
        self._records = records
        self._artifacts = artifacts
        self._clock = clock

    async def upload(self, version_id: str, ttl: timedelta, caller: Principal) -> PresignedUrl:
        """Raises NotFound, FailedPrecondition unless the version waits for its artifact."""
        version = await self._version(version_id, caller)
        check_waits_for_upload(version)
        return PresignedUrl(self._artifacts.upload_url(upload_key(version.id), ttl), self._clock.now() + ttl)

    async def download(self, version_id: str, ttl: timedelta, caller: Principal) -> tuple[PresignedUrl, str]:
        """The URL and the digest that what it gives must have. Raises NotFound, FailedPrecondition unless READY."""
        version = await self._version(version_id, caller)
        if version.status is not Status.READY:
            raise FailedPrecondition(
                f"version {version.name} is {version.status}; only a READY version has an artifact",
                reason="VERSION_NOT_READY",
                metadata={"status": version.status},
            )
        url = self._artifacts.download_url(version.artifact_path, ttl)
        return PresignedUrl(url, self._clock.now() + ttl), version.digest

    async def _version(self, version_id: str, caller: Principal) -> Version:
        version = await self._records.version(caller.team, version_id)
        if version is None:
            raise no_version()
        return version
