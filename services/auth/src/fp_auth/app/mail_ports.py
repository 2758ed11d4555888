"""Mails about accounts, as the use-cases see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol


class MailTemplate(StrEnum):
    """The names of notification's templates."""

    VERIFY_EMAIL = "MAIL_TEMPLATE_VERIFY_EMAIL"
    INVITATION = "MAIL_TEMPLATE_INVITATION"
    PASSWORD_RESET = "MAIL_TEMPLATE_PASSWORD_RESET"  # noqa: S105 -- the name of a template
    PASSWORD_CHANGED = "MAIL_TEMPLATE_PASSWORD_CHANGED"  # noqa: S105 -- the name of a template
    REGISTRATION = "MAIL_TEMPLATE_REGISTRATION"
    ACCOUNT_EXISTS = "MAIL_TEMPLATE_ACCOUNT_EXISTS"
    SECOND_FACTOR_CHANGED = "MAIL_TEMPLATE_SECOND_FACTOR_CHANGED"


@dataclass(frozen=True, slots=True, repr=False)
class Mail:
    """Has an address and, as a rule, a link that lets its reader in: never in a log."""

    to: str
    template: MailTemplate
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True, repr=False)
class StoredMail:
    """sealed: the mail, which only its owner's key opens. attempts: how often it was claimed, this time included."""

    id: str
    sealed: bytes
    expires_at: datetime
    attempts: int = 0


class MailRequests(Protocol):
    async def add(self, mail: StoredMail, user_id: str, created: datetime, due: datetime) -> None: ...

    async def claim(self, now: datetime, lease: timedelta, limit: int) -> Sequence[StoredMail]:
        """Those that are due, the oldest first; nobody else gets them until the lease is over."""
        ...

    async def postpone(self, mail_id: str, due: datetime) -> None: ...

    async def remove(self, mail_id: str) -> None: ...


class Mailer(Protocol):
    async def send(self, mail: Mail, key: str, expires: datetime) -> None:
        """Hand it to who sends mails; the same key twice is one mail. expires: not sent later.

        Raises FailedPrecondition where the platform sends none, InvalidArgument for a mail that cannot be sent, any
        other `fp_kernel` error when it should be tried again.
        """
        ...
