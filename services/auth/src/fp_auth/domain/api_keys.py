"""API keys: `fp_` and 43 base64url characters (256 random bits); only their SHA-256 is kept.

A plain hash is enough for 256 random bits: there is nothing to guess from.
"""

import base64
import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fp_kernel import FailedPrecondition, invalid
from fp_kernel.identity import NO_LIMITS, KeyLimits
from fp_kernel.texts import check_line

PREFIX = "fp_"
ENTROPY_BYTES = 32
MAX_OVERLAP = timedelta(days=7)
_SHOWN = 8
_MAX_NAME = 100
_RAW = re.compile(r"fp_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """scopes: asked for at creation; what they grant is cut to the owner's role at each use.

    prefix: the first characters of the raw key, for people.
    expires_at: None = never. last_used_at: to the minute.
    replaced_by: id of the key that a rotation issued in its place.
    created_by_key: id of the key that made it, empty for a person; that one's end is its end too.
    service_account: id of the service account that it belongs to; then user_id is empty.
    """

    id: str
    team: str
    user_id: str
    name: str
    prefix: str
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    replaced_by: str = ""
    created_by_key: str = ""
    service_account: str = ""
    limits: KeyLimits = NO_LIMITS

    @property
    def owner(self) -> str:
        """Id of the user or service account that it belongs to."""
        return self.user_id or self.service_account

    def valid(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def revoked(self, now: datetime) -> "ApiKey":
        return self if self.revoked_at else replace(self, revoked_at=now)

    def replaced(self, successor: str, now: datetime, overlap: timedelta) -> "ApiKey":
        """The old key after a rotation: it ends with the overlap, at once when there is none.

        Raises FailedPrecondition when the key is not valid any more or was rotated before.
        """
        if not self.valid(now):
            raise FailedPrecondition("key_id: the key is revoked or expired; create a new one", reason="KEY_ENDED")
        if self.replaced_by:
            raise FailedPrecondition("key_id: the key was rotated before", reason="KEY_ROTATED")
        if not overlap:
            return replace(self, revoked_at=now, replaced_by=successor)
        end = now + overlap
        return replace(self, replaced_by=successor, expires_at=min(end, self.expires_at or end))

    def renewed_expiry(self, now: datetime) -> datetime | None:
        """A successor lives as long as its predecessor was meant to."""
        return None if self.expires_at is None else now + (self.expires_at - self.created_at)


def raw_key(entropy: bytes) -> str:
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"a key needs {ENTROPY_BYTES} random bytes")
    return PREFIX + base64.urlsafe_b64encode(entropy).rstrip(b"=").decode()


def looks_like_key(raw: str) -> bool:
    return _RAW.fullmatch(raw) is not None


def key_hash(raw: str) -> bytes:
    return hashlib.sha256(raw.encode()).digest()


def shown_prefix(raw: str) -> str:
    return raw[:_SHOWN]


def parse_key_name(value: str) -> str:
    """Raises InvalidArgument naming `name`."""
    name = value.strip()
    check_line(name, "name", _MAX_NAME)
    return name


def key_end(expires_at: datetime | None, now: datetime, longest: timedelta | None) -> datetime | None:
    """The end of a new key. longest: how long a key may live, None without a bound; also for one that names no end.

    Raises InvalidArgument naming `expires_at`.
    """
    if expires_at is not None and expires_at <= now:
        raise invalid("expires_at", "must be in the future")
    if longest is None:
        return expires_at
    if expires_at is not None and expires_at > now + longest:
        raise invalid("expires_at", f"must be within {longest.total_seconds() / 86_400:g} days")
    return expires_at or now + longest


def limits_within(own: KeyLimits, wanted: KeyLimits) -> KeyLimits:
    """The limits of a new key. own: of the key by which it is made, which may not hand out more than it has.

    Raises InvalidArgument naming the field.
    """
    found = []
    for name in ("predictions_per_second", "predictions_in_flight"):
        most, asked = getattr(own, name), getattr(wanted, name)
        if asked < 0:
            raise invalid(name, "must not be negative")
        if most and asked > most:
            raise invalid(name, f"must be at most the {most} of the key that you use")
        found.append(asked or most)
    return KeyLimits(*found)


def narrowed(own: KeyLimits, limits: KeyLimits) -> KeyLimits:
    """The lower of each; 0 is none."""
    pairs = zip(
        (own.predictions_per_second, own.predictions_in_flight),
        (limits.predictions_per_second, limits.predictions_in_flight),
        strict=True,
    )
    return KeyLimits(*(min(filter(None, pair), default=0) for pair in pairs))


def earliest(*ends: datetime | None) -> datetime | None:
    """The first of several ends, of which None never comes."""
    return min((end for end in ends if end is not None), default=None)


def check_overlap(overlap: timedelta) -> None:
    """Raises InvalidArgument naming `overlap`."""
    if not timedelta(0) <= overlap <= MAX_OVERLAP:
        raise invalid("overlap", "must be 0 to 7 days")
