"""A session is a family of refresh tokens: each is good for one use and replaced by the next.

A token that comes twice was copied, and there is no way to know which holder is the thief: the whole family ends. An
answer that was lost, and two tabs that wake up at once, look the same. So for a moment, and only while no token that
replaced it was used, a spent token is replaced once more; of its successors the first that is used ends the others.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

PREFIX = "fpr_"
ENTROPY_BYTES = 32
MAX_TOKEN = 200


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """idle: a token not used for so long is worth nothing. longest: a family ends then, whatever its use.

    access: how long an access token is good. grace: how long after its use a token is replaced once more.
    """

    idle: timedelta = timedelta(days=30)
    longest: timedelta = timedelta(days=90)
    access: timedelta = timedelta(minutes=15)
    grace: timedelta = timedelta(seconds=30)

    def token_ends(self, family_started: datetime, family_ends: datetime, now: datetime) -> datetime:
        return min(now + self.idle, family_started + self.longest, family_ends)


POLICY = SessionPolicy()


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One token with what its family says. family_ends: by age. ended_at: when the whole family ended before.

    replaceable: it was spent for successors, and none of these was used.
    """

    family_id: str
    user_id: str
    family_started: datetime
    family_ends: datetime
    expires_at: datetime
    spent_at: datetime | None = None
    ended_at: datetime | None = None
    replaceable: bool = False


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A family as its person sees it. address: of the client at the login; empty where nobody knew it."""

    id: str
    user_id: str
    started_at: datetime
    last_used_at: datetime
    ends_at: datetime
    address: str


class Verdict(Enum):
    GOOD = "good"
    DEAD = "dead"
    REUSED = "reused"


def judge(token: RefreshToken, now: datetime, grace: timedelta = POLICY.grace) -> Verdict:
    """REUSED only while the family lives: an ended family cannot end twice."""
    if token.ended_at is not None:
        return Verdict.DEAD
    if token.spent_at is not None and not (token.replaceable and now < token.spent_at + grace):
        return Verdict.REUSED
    return Verdict.GOOD if now < token.expires_at else Verdict.DEAD


def raw_token(entropy: bytes) -> str:
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"a token needs {ENTROPY_BYTES} random bytes")
    return PREFIX + base64.urlsafe_b64encode(entropy).rstrip(b"=").decode()


def token_hash(raw: str) -> bytes:
    return hashlib.sha256(raw.encode()).digest()
