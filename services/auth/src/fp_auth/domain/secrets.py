"""Secrets of a team: named values in versions, each encrypted under a data key of its own."""

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from fp_kernel import FailedPrecondition, invalid
from fp_kernel.key_encryption import WrappedKey

MOST_BYTES = 64 * 1024
MOST_SECRETS = 1_000
"""Of one team."""
MOST_VERSIONS = 100
"""Of one secret, those with a value."""
MOST_REFERENCES = 50


class VersionStatus(StrEnum):
    ENABLED = "ENABLED"
    DISABLED = "DISABLED"
    DESTROYED = "DESTROYED"


@dataclass(frozen=True, slots=True)
class Version:
    """changed_by: who changed its status last; empty for nobody."""

    number: int
    status: VersionStatus
    created_by: str
    created_at: datetime
    changed_by: str = ""
    changed_at: datetime | None = None

    def become(self, status: VersionStatus, by: str, now: datetime) -> "Version":
        """Raises FailedPrecondition for one that is destroyed: what is gone does not come back."""
        if self.status is status:
            return self
        if self.status is VersionStatus.DESTROYED:
            raise FailedPrecondition("version: its value is destroyed", reason="SECRET_VERSION_DESTROYED")
        return replace(self, status=status, changed_by=by, changed_at=now)


@dataclass(frozen=True, slots=True)
class Secret:
    name: str
    created_by: str
    created_at: datetime
    latest: Version


@dataclass(frozen=True, slots=True)
class SealedVersion:
    """A version as it is stored: what is needed to open its value. Both are empty when it is destroyed."""

    name: str
    number: int
    status: VersionStatus
    data_key: WrappedKey
    sealed: bytes = field(repr=False)


def check_value(value: bytes) -> bytes:
    """Raises InvalidArgument."""
    if not 0 < len(value) <= MOST_BYTES:
        raise invalid("value", f"must have 1 to {MOST_BYTES} bytes")
    return value


def version_context(team: str, name: str, number: int) -> bytes:
    """What a value is bound to: moved to another team, name or version it does not open."""
    return json.dumps(["forgepoint secret", team, name, number]).encode()


def key_context(team: str, name: str) -> bytes:
    """What a wrapped data key is bound to."""
    return json.dumps(["forgepoint data key", team, name]).encode()
