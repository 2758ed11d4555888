"""Who may predict now: by the quota of the team's month, the principal's bucket, and what the team's plan allows."""

from contextlib import AbstractContextManager

from fp_inference.app.limiter import Limiter, Standing
from fp_inference.app.quotas import Quotas
from fp_inference.app.team_limits import TeamLimits
from fp_inference.app.values import Caller


class Admission:
    def __init__(self, quotas: Quotas, limiter: Limiter, teams: TeamLimits) -> None:
        self._quotas = quotas
        self._limiter = limiter
        self._teams = teams

    async def __call__(self, caller: Caller, cost: int) -> None:
        """cost: predictions. Raises ResourceExhausted: QUOTA_EXCEEDED, or RATE_LIMITED with a retry delay."""
        await self._quotas.admit(caller.team)
        # The principal first: who is refused by his own limit takes nothing from his team.
        await self._limiter.admit(caller.name, caller.limit, cost)
        await self._teams.admit(caller.team, cost)

    def enter(self, caller: Caller) -> AbstractContextManager[None]:
        """To be held while the call is under way. Raises ResourceExhausted: IN_FLIGHT_LIMITED with a retry delay."""
        return self._teams.enter(caller.team)

    def standing(self, caller: Caller) -> Standing:
        """Of the limit that is nearer."""
        own, team = self._limiter.standing(caller.name, caller.limit), self._teams.standing(caller.team)
        return own if team is None or own.remaining <= team.remaining else team
