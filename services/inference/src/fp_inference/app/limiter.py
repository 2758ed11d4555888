"""How fast a principal may predict: leased slices of shared buckets, own buckets while they are away."""

import asyncio
import math
from collections import OrderedDict
from dataclasses import dataclass, field

from fp_kernel import Clock, ResourceExhausted, Unavailable
from fp_kernel.bucket import Bucket, Grant, Limit
from fp_telemetry import get_logger

from fp_inference.app.ports import Leases
from fp_inference.domain.failures import RATE_LIMITED

# Tokens that nobody used in this time are gone; a slice is never more than a bucket earns in it.
LEASE_SECONDS = 1.0
_SLICE = 0.1
_MOST_PRINCIPALS = 10_000

_log = get_logger(__name__)


@dataclass(slots=True)
class _Lease:
    """left: in the bucket at the time `at`. local: the bucket of this process alone, while the shared ones are away."""

    tokens: int = 0
    until: float = 0.0
    left: float | None = None
    at: float = 0.0
    local: Bucket | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a principal has left, about. limit, remaining: predictions. reset: seconds until all of them are back."""

    limit: int
    remaining: int
    reset: int


class Limiter:
    """One lease a principal; the least recently seen are forgotten."""

    def __init__(self, leases: Leases, clock: Clock) -> None:
        self._leases = leases
        self._clock = clock
        self._known: OrderedDict[str, _Lease] = OrderedDict()
        self._shared = True

    async def admit(self, name: str, limit: Limit, cost: int = 1) -> None:
        """Take `cost` tokens. Raises ResourceExhausted with a retry delay."""
        lease = self._lease(name)
        if self._spend(lease, cost):
            return
        async with lease.lock:
            if self._spend(lease, cost):
                return
            grant = await self._refill(name, lease, limit, cost)
        if not grant.tokens:
            raise ResourceExhausted(
                f"more than {limit.rate:g} predictions a second",
                reason=RATE_LIMITED,
                retry_after=grant.retry_after,
                metadata={"quota": "predictions", "rate": f"{limit.rate:g}", "burst": str(limit.burst)},
            )

    def standing(self, name: str, limit: Limit) -> Standing:
        """As this process knows it, without a question to the shared buckets."""
        lease = self._known.get(name)
        if lease is None or lease.left is None:
            return Standing(limit.burst, limit.burst, 0)
        now = self._clock.monotonic()
        earned = lease.left + max(0.0, now - lease.at) * limit.rate
        held = lease.tokens if now < lease.until else 0
        remaining = max(0, min(limit.burst, int(earned) + held))
        return Standing(limit.burst, remaining, max(0, math.ceil((limit.burst - earned - held) / limit.rate)))

    def _lease(self, name: str) -> _Lease:
        lease = self._known.get(name)
        if lease is None:
            lease = self._known[name] = _Lease()
            if len(self._known) > _MOST_PRINCIPALS:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(name)
        return lease

    def _spend(self, lease: _Lease, cost: int) -> bool:
        if lease.tokens < cost or self._clock.monotonic() >= lease.until:
            return False
        lease.tokens -= cost
        return True

    async def _refill(self, name: str, lease: _Lease, limit: Limit, cost: int) -> Grant:
        # Taken out for as long as the shared bucket is asked: whoever comes meanwhile would spend the same tokens.
        held, lease.tokens = lease.tokens if self._clock.monotonic() < lease.until else 0, 0
        least = cost - held
        most = max(least, min(int(limit.burst * _SLICE), int(limit.rate * LEASE_SECONDS)))
        try:
            grant = await self._leases.lease(name, limit, least, most)
        except Unavailable:
            self._note_shared(shared=False)
            grant = self._own(lease, limit, cost)
            held = 0
        else:
            self._note_shared(shared=True)
            lease.local = None
        lease.left, lease.at = grant.left, self._clock.monotonic()
        if grant.tokens and lease.local is None:
            lease.tokens = held + grant.tokens - cost
            lease.until = lease.at + LEASE_SECONDS
        else:
            lease.tokens = held
        return grant

    def _own(self, lease: _Lease, limit: Limit, cost: int) -> Grant:
        now = self._clock.monotonic()
        if lease.local is None:
            lease.local = Bucket(limit, now)
        return lease.local.take(cost, cost, now)

    def _note_shared(self, *, shared: bool) -> None:
        if shared != self._shared:
            self._shared = shared
            if shared:
                _log.info("limits are shared again")
            else:
                _log.warning("limits are kept by this process alone")
