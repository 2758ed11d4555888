"""Who may predict now: first the quota of the team's month, then the principal's token bucket."""

from fp_inference.app.limiter import Limiter, Standing
from fp_inference.app.quotas import Quotas
from fp_inference.app.values import Caller


class Admission:
    def __init__(self, quotas: Quotas, limiter: Limiter) -> None:
        self._quotas = quotas
        self._limiter = limiter

    async def __call__(self, caller: Caller, cost: int) -> None:
        """cost: predictions. Raises ResourceExhausted: QUOTA_EXCEEDED, or RATE_LIMITED with a retry delay."""
        await self._quotas.admit(caller.team)
        await self._limiter.admit(caller.name, caller.limit, cost)

    def standing(self, caller: Caller) -> Standing:
        return self._limiter.standing(caller.name, caller.limit)
