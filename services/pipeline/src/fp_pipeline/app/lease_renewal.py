"""Renews the lease of an execution while it runs and watches for a request to cancel it."""

import asyncio
from collections.abc import Callable
from typing import NoReturn

from fp_kernel import Clock, Error

from fp_pipeline.app.ports import Leases, Signals, cancelling
from fp_pipeline.domain.execution import Cancellation
from fp_pipeline.domain.lease import Lease, LeaseLost
from fp_pipeline.domain.policy import LeasePolicy


class LeaseRenewal:
    def __init__(self, leases: Leases, signals: Signals, policy: LeasePolicy, clock: Clock) -> None:
        self._leases = leases
        self._signals = signals
        self._policy = policy
        self._clock = clock

    async def renew_always(self, lease: Lease, held_until: float, cancel: Callable[[Cancellation], None]) -> NoReturn:
        """Renew until cancelled. cancel: called, perhaps more than once, when somebody asked to cancel the execution.

        held_until: on the monotonic clock. Nothing here outlives the lease, whatever the store does: Raises LeaseLost
        when another worker has the execution, or may have it because the store was away or hung for too long.
        """
        with self._signals.subscribe(cancelling(lease.execution_id)) as subscription:
            while True:
                asked_at = self._clock.monotonic()
                try:
                    async with asyncio.timeout(max(held_until - asked_at, 0.0)):
                        cancellation = await self._leases.renew(lease, self._policy.ttl)
                    held_until = asked_at + self._policy.ttl
                    if cancellation is not None:
                        cancel(cancellation)
                except TimeoutError:
                    raise LeaseLost("the lease ran out while the store did not answer") from None
                except Error as error:
                    if self._clock.monotonic() >= held_until:
                        raise LeaseLost("the lease ran out while the store was away") from error
                left = held_until - self._clock.monotonic()
                await subscription.wait(max(min(self._policy.heartbeat, left), 0.0))
