"""The life of a signing key: published as NEXT, signs as CURRENT, verifies as RETIRED until its last token ended.

NEXT is published a whole period before it signs, so every verifier has it cached by then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class SigningPolicy:
    """period: how long a key signs. lead: a key must have been published so long before it signs.

    verify_for: how long a retired key still verifies; longer than the longest token and one reload together.
    """

    period: timedelta = timedelta(days=30)
    lead: timedelta = timedelta(hours=1)
    verify_for: timedelta = timedelta(hours=25)


POLICY = SigningPolicy()


@dataclass(frozen=True, slots=True)
class KeyLife:
    """signs_from: None while NEXT. retired_at: None until it stops signing."""

    kid: str
    created_at: datetime
    signs_from: datetime | None = None
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rotation:
    """What to do now. create: new keys to make, as NEXT. promote: kid that signs from now, or `NEWEST`."""

    create: int = 0
    promote: str = ""
    retire: str = ""
    drop: tuple[str, ...] = ()

    @property
    def needed(self) -> bool:
        return self != Rotation()


NEWEST = "newest"
"""Promote the first of the keys made just now."""


def rotation_due(keys: Sequence[KeyLife], now: datetime, policy: SigningPolicy) -> Rotation:
    """The steps that bring the keys to one CURRENT and one NEXT, and rotate when the period is over."""
    current = next((key for key in keys if key.signs_from and not key.retired_at), None)
    following = next((key for key in keys if not key.signs_from and not key.retired_at), None)
    drop = tuple(key.kid for key in keys if key.retired_at and key.retired_at + policy.verify_for <= now)
    if current is None:
        if following is None:
            return Rotation(create=2, promote=NEWEST, drop=drop)
        return Rotation(create=1, promote=following.kid, drop=drop)
    if following is None:
        return Rotation(create=1, drop=drop)
    over = current.signs_from is not None and current.signs_from + policy.period <= now
    if over and following.created_at + policy.lead <= now:
        return Rotation(create=1, promote=following.kid, retire=current.kid, drop=drop)
    return Rotation(drop=drop)
