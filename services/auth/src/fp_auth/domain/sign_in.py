"""Sign-in by a provider: who is let in, to which team and role."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from fp_kernel import PermissionDenied, Unauthenticated

from fp_auth.domain.foreign_tokens import Claims, values_of
from fp_auth.domain.users import OPERATOR_ROLE

ANY_VALUE = "*"
FLOW_LIFE = timedelta(minutes=10)
MAX_FLOW = 8_192
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, slots=True)
class Rule:
    """Whoever has `value` in `claim` belongs to `team` with `role`; value `*` is any."""

    claim: str
    value: str
    team: str
    role: str

    def fits(self, claims: Claims) -> bool:
        found = values_of(claims, self.claim)
        return bool(found) if self.value == ANY_VALUE else self.value in found


@dataclass(frozen=True, slots=True)
class IssuerPolicy:
    """What a provider's word is worth.

    issuer: its URL. rules: the first one that fits decides. longest: a session ends after so long, whatever its use.
    trusts_email: its addresses are taken as verified although it does not say so. links_email: an account of the
    platform with the same, verified address is joined.
    """

    name: str
    title: str
    issuer: str
    rules: Sequence[Rule]
    longest: timedelta
    trusts_email: bool = False
    links_email: bool = False

    def rule_for(self, claims: Claims) -> Rule | None:
        return next((rule for rule in self.rules if rule.fits(claims)), None)

    def email_of(self, claims: Claims) -> str:
        """The verified address; empty without one."""
        email, verified = claims.get("email"), claims.get("email_verified")
        # Some providers say it as a text.
        known = verified is True or verified == "true" or (self.trusts_email and verified is None)
        return email if known and isinstance(email, str) else ""


def check_rule(rule: Rule, reserved_team: str) -> None:
    """Raises ValueError: nobody becomes operator, or a member of the platform's team, unless a value names him."""
    if rule.value == ANY_VALUE and (rule.role == OPERATOR_ROLE or rule.team == reserved_team):
        raise ValueError(f"role {OPERATOR_ROLE} and team {reserved_team} need a value of their own, not {ANY_VALUE}")
    if rule.role == OPERATOR_ROLE and rule.team != reserved_team:
        raise ValueError(f"role {OPERATOR_ROLE} is for team {reserved_team} alone")


@dataclass(frozen=True, slots=True)
class Flow:
    """A sign-in under way; sealed, it is all that is remembered of it."""

    name: str
    state: str
    nonce: str
    verifier: str
    return_to: str
    ends: float

    def dump(self) -> bytes:
        return json.dumps(asdict(self)).encode()


def read_flow(data: bytes) -> Flow:
    return Flow(**json.loads(data))


def check_answer(flow: Flow, *, state: str, now: datetime) -> None:
    """Raises Unauthenticated for an answer to another question: somebody else's code would sign this browser in."""
    if now.timestamp() >= flow.ends:
        raise Unauthenticated("the sign-in took too long; begin again", reason="FLOW_EXPIRED")
    if not hmac.compare_digest(state.encode(), flow.state.encode()):
        raise Unauthenticated("the answer belongs to another sign-in; begin again", reason="STATE_WRONG")


def challenge_of(verifier: str) -> str:
    """S256 of RFC 7636."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_challenge(text: str) -> bool:
    return bool(_CHALLENGE.fullmatch(text))


def proves(verifier: str, challenge: str) -> bool:
    return bool(_VERIFIER.fullmatch(verifier)) and hmac.compare_digest(challenge_of(verifier), challenge)


def text_of(entropy: bytes) -> str:
    """Random bytes as base64url."""
    return base64.urlsafe_b64encode(entropy).rstrip(b"=").decode()


def no_rule(title: str) -> PermissionDenied:
    return PermissionDenied(
        f"{title} says nothing of you that gives access here; ask for the group that does", reason="NO_RULE_FITS"
    )
