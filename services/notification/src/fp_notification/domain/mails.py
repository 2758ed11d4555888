"""Mails about accounts: which there are, and what may be asked for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from fp_kernel import invalid
from fp_kernel.texts import check_line

_LONGEST_ADDRESS = 254
_LONGEST_LINK = 2_048
_LONGEST_VALUE = 200
# Without what separates or quotes addresses in a header or a command of SMTP.
_ADDRESS = re.compile(r"""[^@\s\x00-\x1f\x7f()<>\[\]\\,;:"]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?""")
_LINK = re.compile(r"https?://[!-~]+")


class MailTemplate(StrEnum):
    VERIFY_EMAIL = "VERIFY_EMAIL"
    INVITATION = "INVITATION"
    PASSWORD_RESET = "PASSWORD_RESET"  # noqa: S105 -- the name of a template
    PASSWORD_CHANGED = "PASSWORD_CHANGED"  # noqa: S105
    REGISTRATION = "REGISTRATION"
    ACCOUNT_EXISTS = "ACCOUNT_EXISTS"
    SECOND_FACTOR_CHANGED = "SECOND_FACTOR_CHANGED"


PARAMETERS: Mapping[MailTemplate, frozenset[str]] = {
    MailTemplate.VERIFY_EMAIL: frozenset(("name", "link", "valid_for")),
    MailTemplate.INVITATION: frozenset(("team", "inviter", "link", "valid_for")),
    MailTemplate.PASSWORD_RESET: frozenset(("name", "link", "valid_for")),
    MailTemplate.PASSWORD_CHANGED: frozenset(("name", "changed_at")),
    MailTemplate.REGISTRATION: frozenset(("link", "valid_for")),
    MailTemplate.ACCOUNT_EXISTS: frozenset(("link",)),
    MailTemplate.SECOND_FACTOR_CHANGED: frozenset(("name", "change", "changed_at")),
}


@dataclass(frozen=True, slots=True)
class Mail:
    """to, parameters: never in a log, nor in the database in the clear: an address is personal and a link is a key.

    correlation_id, trace: of the call that asked for it. expires_at: what it is about has ended then.
    """

    id: str
    team: str
    template: MailTemplate
    created_at: datetime
    to: str = field(repr=False)
    parameters: Mapping[str, str] = field(repr=False)
    correlation_id: str = ""
    trace: Mapping[str, str] = field(default_factory=dict, repr=False)
    expires_at: datetime | None = None

    def over(self, now: datetime) -> bool:
        return self.expires_at is not None and now >= self.expires_at


def parse_address(value: str, name: str) -> str:
    """An address that can stand in a header and in a command as it is. Raises InvalidArgument naming `name`."""
    if len(value) > _LONGEST_ADDRESS or not value.isprintable() or not _ADDRESS.fullmatch(value):
        raise invalid(name, "must be an e-mail address")
    return value


def mask_address(value: str) -> str:
    """What of an address is shown."""
    local, _, domain = value.rpartition("@")
    return f"{local[:1]}...@{domain}" if value else ""


def check_parameters(template: MailTemplate, given: Mapping[str, str]) -> Mapping[str, str]:
    """Raises InvalidArgument naming the parameter."""
    wanted = PARAMETERS[template]
    for name in sorted(wanted - set(given)):
        raise invalid(f"parameters[{name}]", f"must be given for {template}")
    for name in sorted(given):
        if name not in wanted:
            raise invalid("parameters", f"has a name that {template} does not know")
        _check(name, given[name])
    return dict(given)


def _check(name: str, value: str) -> None:
    if name == "link":
        if len(value) > _LONGEST_LINK or not _LINK.fullmatch(value):
            raise invalid("parameters[link]", f"must be an http or https URL of at most {_LONGEST_LINK} characters")
        return
    check_line(value, f"parameters[{name}]", _LONGEST_VALUE, required=True)
