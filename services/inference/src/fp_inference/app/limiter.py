"""How fast a principal may predict: leased slices of shared buckets, own buckets while they are away."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from fp_kernel import Clock, ResourceExhausted, Unavailable
from fp_telemetry import get_logger

from fp_inference.app.ports import Leases
from fp_inference.domain.bucket import Bucket, Grant, Limit
from fp_inference.domain.failures import RATE_LIMITED

# Tokens that nobody used in this time are gone; a slice is never more than a bucket earns in it.
LEASE_SECONDS = 1.0
_SLICE = 0.1
_MOST_PRINCIPALS = 10_000

_log = get_logger(__name__)


@dataclass(slots=True)
class _Lease:
    """local: the bucket of this process alone, for the time in which the shared ones are away."""

    tokens: int = 0
    until: float = 0.0
    local: Bucket | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


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
        most = max(cost, min(int(limit.burst * _SLICE), int(limit.rate * LEASE_SECONDS)))
        try:
            grant = await self._leases.lease(name, limit, cost, most)
        except Unavailable:
            self._told(shared=False)
            return self._own(lease, limit, cost)
        self._told(shared=True)
        lease.local = None
        if grant.tokens:
            lease.tokens = grant.tokens - cost
            lease.until = self._clock.monotonic() + LEASE_SECONDS
        return grant

    def _own(self, lease: _Lease, limit: Limit, cost: int) -> Grant:
        now = self._clock.monotonic()
        if lease.local is None:
            lease.local = Bucket(limit, now)
        return lease.local.take(cost, cost, now)

    def _told(self, *, shared: bool) -> None:
        if shared != self._shared:
            self._shared = shared
            if shared:
                _log.info("limits are shared again")
            else:
                _log.warning("limits are kept by this process alone")
