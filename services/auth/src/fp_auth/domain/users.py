"""A user: a person of one team with one role."""

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime

from fp_kernel import invalid
from fp_kernel.texts import check_line

DEFAULT_ROLE = "viewer"
ADMIN_ROLE = "admin"
OPERATOR_ROLE = "operator"
"""Runs the platform, and is an admin of his own team besides."""
ADMINISTRATORS = frozenset((OPERATOR_ROLE, ADMIN_ROLE))
"""Roles that administer their own team."""
ASSIGNABLE_ROLES = frozenset((OPERATOR_ROLE, ADMIN_ROLE, "engineer", DEFAULT_ROLE))
"""Roles of people; `service` and `job` belong to programs and are never assigned."""

_MAX_EMAIL = 254
_MAX_NAME = 100
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,253}")
_TEAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class Role:
    name: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class User:
    """password_hash: argon2id in PHC form, empty for who signs in elsewhere; never leaves the service.

    disabled_at: None for who may come in. deleted_at: only the id is left then, and the team.
    """

    id: str
    email: str
    name: str
    team: str
    role: str
    created_at: datetime
    password_hash: str
    disabled_at: datetime | None = None
    deleted_at: datetime | None = None
    email_verified: bool = False

    @property
    def deleted(self) -> bool:
        return self.deleted_at is not None

    @property
    def active(self) -> bool:
        return self.disabled_at is None and self.deleted_at is None

    def disabled(self, now: datetime) -> "User":
        return replace(self, disabled_at=now)

    def enabled(self) -> "User":
        return replace(self, disabled_at=None)

    def __repr__(self) -> str:
        return f"User(id={self.id!r}, team={self.team!r}, role={self.role!r})"


def parse_email(value: str, field: str = "email") -> str:
    """The normal form of the address, so that addresses that look alike are one account. Raises InvalidArgument.

    Without case and in NFKC: an accent as a character of its own made another account, and so did full-width letters.
    A domain of other letters in its ASCII form, as mail servers compare it.
    """
    local, at, domain = unicodedata.normalize("NFKC", typed_email(unicodedata.normalize("NFKC", value))).rpartition("@")
    email = f"{local}{at}{_ascii_domain(domain)}"
    shown = all(unicodedata.category(each)[0] not in "CZ" for each in email)
    if not shown or len(email) > _MAX_EMAIL or not _EMAIL.fullmatch(email):
        raise invalid(field, "must be an e-mail address")
    return email


def typed_email(value: str) -> str:
    """The form in which accounts from before the normal form are stored."""
    return value.strip().lower()


def _ascii_domain(domain: str) -> str:
    """Empty for what no domain can be."""
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def parse_name(value: str, email: str) -> str:
    """The display name; the part of the address before the @ where none is given. Raises InvalidArgument.

    A name that holds an address counts as none: names are shown to colleagues, addresses are not.
    """
    name = value.strip()
    check_line(name, "name", _MAX_NAME)
    return email.partition("@")[0] if not name or holds_address(name) else name


def holds_address(text: str) -> bool:
    return _EMAIL.search(unicodedata.normalize("NFKC", text)) is not None


def parse_team(value: str, field: str = "team") -> str:
    """A team label. Raises InvalidArgument."""
    if not _TEAM.fullmatch(value):
        raise invalid(field, "must be 1 to 63 letters, digits, dots, dashes or underscores")
    return value
