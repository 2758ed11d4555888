"""Failed logins cost time, more with each one; for the account and for the address they come from.

An attempt is counted as failed before the password is checked, and forgiven when it was right: a thousand guesses
sent at once are a thousand failures, not one.
"""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

_LONGEST_DOUBLING = 40


@dataclass(frozen=True, slots=True)
class LockoutPolicy:
    """free: failures without a delay. The delay doubles from `first_delay` up to `longest_delay`.

    forget_after: quiet time after which old failures count no more.
    """

    free: int
    first_delay: timedelta
    longest_delay: timedelta
    forget_after: timedelta

    def delay(self, failures: int) -> timedelta:
        if failures < self.free:
            return timedelta(0)
        doublings = min(failures - self.free, _LONGEST_DOUBLING)
        return min(self.first_delay * (1 << doublings), self.longest_delay)


ACCOUNT = LockoutPolicy(
    free=5, first_delay=timedelta(seconds=2), longest_delay=timedelta(minutes=15), forget_after=timedelta(hours=24)
)
# Many people share an address behind a NAT, so it may fail more often before it waits.
ADDRESS = LockoutPolicy(
    free=100, first_delay=timedelta(seconds=2), longest_delay=timedelta(minutes=15), forget_after=timedelta(hours=1)
)


@dataclass(frozen=True, slots=True)
class Attempts:
    """What is remembered of one account or address."""

    failures: int = 0
    last_at: datetime | None = None
    locked_until: datetime | None = None

    def wait(self, now: datetime) -> timedelta:
        """Time until the next attempt is looked at; zero when it may come now."""
        return max(self.locked_until - now, timedelta(0)) if self.locked_until else timedelta(0)

    def counted(self, policy: LockoutPolicy, now: datetime) -> "Attempts":
        """After one more attempt that is taken for failed until it proves right."""
        stale = self.last_at is not None and now - self.last_at > policy.forget_after
        failures = 1 if stale else self.failures + 1
        delay = policy.delay(failures)
        return Attempts(failures, now, now + delay if delay else None)

    def forgiven(self, policy: LockoutPolicy) -> "Attempts":
        """After the counted attempt proved right: others' failures from the same address stay counted."""
        failures = max(self.failures - 1, 0)
        return Attempts(failures, self.last_at, self.locked_until if policy.delay(failures) else None)


def address_of(text: str) -> str:
    """The address that failures are counted for: an IPv6 client owns its whole /64. Empty when `text` is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
