"""Identities that end early, and how long that is remembered."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from fp_auth.domain.claims import MAX_JOB_LIFE

USER = "user"
TEAM = "team"
API_KEY = "api_key"
SESSION = "session"
SIGNING_KEY = "signing_key"
EXECUTION = "execution"

_MARGIN = timedelta(minutes=5)
_LONGEST_LOGIN_TOKEN = timedelta(hours=1)
REMEMBERED = MAX_JOB_LIFE + _MARGIN
"""Longer than the longest token, by more than the clocks of two replicas differ."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """before: None ends every credential of the identity, keys and jobs too; else the tokens of logins issued before.

    spared_session: goes on all the same. until: no token that ended by this lives longer.
    revision: grows with each change of one identity; 0 until it is stored.
    """

    kind: str
    id: str
    until: datetime
    before: datetime | None = None
    spared_session: str = ""
    revision: int = 0


def everything(kind: str, identity: str, now: datetime) -> Withdrawal:
    return Withdrawal(kind, identity, now + REMEMBERED)


def logins_before(kind: str, identity: str, now: datetime, *, spared_session: str = "") -> Withdrawal:
    return Withdrawal(kind, identity, now + REMEMBERED, before=now, spared_session=spared_session)


def of_session(session_id: str, now: datetime) -> Withdrawal:
    """Only tokens of people name a session, and none of those lives longer than an hour."""
    return Withdrawal(SESSION, session_id, now + _LONGEST_LOGIN_TOKEN + _MARGIN)
