"""How often a password may be guessed: a bucket that every wrong one fills, and that leaks as time goes by.

An attempt is counted before the password is checked, and forgiven when it was right: a thousand guesses sent at once
are a thousand failures, not one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class LockoutPolicy:
    """free: failures at once without a wait. pause: how long each one counts, and so the wait for each beyond them."""

    free: int
    pause: timedelta


PAIR = LockoutPolicy(free=10, pause=timedelta(minutes=10))
# Many people share an address behind a NAT or an ingress: it only slows who tries many accounts.
ADDRESS = LockoutPolicy(free=100, pause=timedelta(seconds=10))


@dataclass(frozen=True, slots=True)
class Bucket:
    """empty_at: when no failure counts any more; None while there is none."""

    empty_at: datetime | None = None

    def wait(self, policy: LockoutPolicy, now: datetime) -> timedelta:
        """Time until the next attempt is looked at; zero when it may come now."""
        full = policy.pause * (policy.free - 1)
        return max(self._left(now) - full, timedelta(0))

    def counted(self, policy: LockoutPolicy, now: datetime) -> "Bucket":
        """After one more attempt, which is taken for failed until it proves right."""
        return Bucket(now + self._left(now) + policy.pause)

    def forgiven(self, policy: LockoutPolicy, now: datetime) -> "Bucket":
        """After the counted attempt proved right: others' failures from the same address stay counted."""
        return Bucket(now + max(self._left(now) - policy.pause, timedelta(0)))

    def _left(self, now: datetime) -> timedelta:
        return max(self.empty_at - now, timedelta(0)) if self.empty_at else timedelta(0)
