"""A service account: a program of a team that belongs to no person."""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from fp_kernel import FailedPrecondition, invalid
from fp_kernel.texts import check_lines

SERVICE_ACCOUNT_ROLE = "service-account"
MAX_DESCRIPTION = 500
_NAME = re.compile(r"[a-z][a-z0-9-]{1,62}")


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """scopes: what its keys may do at most. created_by: id of who made it, who may be gone by now."""

    id: str
    team: str
    name: str
    description: str
    scopes: frozenset[str]
    created_by: str
    created_at: datetime
    disabled_at: datetime | None = None

    def disabled(self, now: datetime) -> "ServiceAccount":
        return self if self.disabled_at else replace(self, disabled_at=now)

    def check_enabled(self) -> None:
        """Raises FailedPrecondition."""
        if self.disabled_at is not None:
            raise FailedPrecondition("the service account is disabled", reason="SERVICE_ACCOUNT_DISABLED")


def parse_account_name(value: str) -> str:
    """Raises InvalidArgument naming `name`."""
    if not _NAME.fullmatch(value):
        raise invalid("name", "must be 2 to 63 lower-case letters, digits and dashes, with a letter first")
    return value


def parse_description(value: str) -> str:
    """Raises InvalidArgument naming `description`."""
    description = value.strip()
    check_lines(description, "description", MAX_DESCRIPTION)
    return description
