"""A team's own role: a named set of scopes that people of the team may have."""

import re
from dataclasses import dataclass
from datetime import datetime

from fp_kernel import invalid
from fp_kernel.identity import JOB_ROLE, SERVICE_ROLE

from fp_auth.domain.service_accounts import SERVICE_ACCOUNT_ROLE
from fp_auth.domain.users import ASSIGNABLE_ROLES

MAX_ROLES = 100
RESERVED = ASSIGNABLE_ROLES | {SERVICE_ROLE, JOB_ROLE, SERVICE_ACCOUNT_ROLE}
"""Roles of the platform: their names mean the same in every team."""
_NAME = re.compile(r"[a-z][a-z0-9-]{1,62}")


@dataclass(frozen=True, slots=True)
class TeamRole:
    """built_in: every team has it. created_by: empty for a built-in one, and so is created_at.

    revision: grows with each change. changed_by: who made the last one; empty when there was none.
    """

    team: str
    name: str
    description: str
    scopes: frozenset[str]
    created_by: str = ""
    created_at: datetime | None = None
    built_in: bool = False
    revision: int = 1
    changed_by: str = ""


def parse_assignable(value: str) -> str:
    """A role that people may have, of the platform or of a team. Raises InvalidArgument naming `role_name`."""
    return value if value in ASSIGNABLE_ROLES else parse_team_role(value, "role_name")


def parse_team_role(value: str, field: str = "name") -> str:
    """The name of a team's own role. Raises InvalidArgument."""
    if value in RESERVED:
        raise invalid(field, f"'{value}' is a role of the platform")
    if not _NAME.fullmatch(value):
        raise invalid(field, "must be 2 to 63 lower-case letters, digits and dashes, with a letter first")
    return value
