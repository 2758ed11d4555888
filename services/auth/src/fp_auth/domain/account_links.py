"""Links that are good once: an invitation, a new password, a verified e-mail address.

Whoever holds one may do the one thing that it is for, so that it is random, stored as a digest and short-lived.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from fp_kernel import invalid

ENTROPY_BYTES = 32
MAX_TOKEN = 200
_PREFIX = "fpl_"


class LinkKind(StrEnum):
    PASSWORD_RESET = "password_reset"  # noqa: S105 -- a kind of link
    EMAIL_VERIFICATION = "email_verification"


LIVES = {
    LinkKind.PASSWORD_RESET: timedelta(hours=1),
    LinkKind.EMAIL_VERIFICATION: timedelta(hours=24),
}
MOST_AN_HOUR = 5
"""Links of one kind for one account within an hour, so that nobody fills another one's mailbox."""


@dataclass(frozen=True, slots=True)
class Link:
    """email: the address that the link is about; a verification is worth nothing when it changed meanwhile.

    requested_by: id of who asked; empty for somebody who had not logged in.
    """

    kind: LinkKind
    user_id: str
    email: str
    requested_by: str
    created_at: datetime
    expires_at: datetime


def new_link(kind: LinkKind, user_id: str, email: str, requested_by: str, now: datetime) -> Link:
    return Link(kind, user_id, email, requested_by, now, now + LIVES[kind])


def raw_token(entropy: bytes) -> str:
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"a link needs {ENTROPY_BYTES} random bytes")
    return _PREFIX + base64.urlsafe_b64encode(entropy).rstrip(b"=").decode()


def token_hash(raw: str, field: str = "token") -> bytes:
    """Raises InvalidArgument for what cannot be the token of a link."""
    if not raw or len(raw) > MAX_TOKEN:
        raise invalid(field, "must be the code of the link")
    return hashlib.sha256(raw.encode()).digest()


def in_words(life: timedelta) -> str:
    """For a mail, for example `24 hours`."""
    hours = int(life.total_seconds() // 3_600)
    return "1 hour" if hours == 1 else f"{hours} hours"
