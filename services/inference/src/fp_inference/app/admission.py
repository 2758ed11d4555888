"""Who may predict now: by the quota of the team's month, places, and the buckets of the principal and of the team."""

from fp_inference.app.limiter import Limiter, Standing
from fp_inference.app.places import Held, Places
from fp_inference.app.quotas import Quotas
from fp_inference.app.team_limits import TeamLimits, name_of
from fp_inference.app.values import Caller


class Admission:
    def __init__(self, quotas: Quotas, limiter: Limiter, teams: TeamLimits, places: Places) -> None:
        self._quotas = quotas
        self._limiter = limiter
        self._teams = teams
        self._places = places

    async def enter(self, caller: Caller, cost: int) -> Held:
        """To be held while the call is under way. cost: predictions.

        Raises ResourceExhausted: QUOTA_EXCEEDED, or IN_FLIGHT_LIMITED and RATE_LIMITED with a retry delay.
        """
        await self._quotas.admit(caller.team)
        wanted = [(caller.name, caller.in_flight)] if caller.in_flight is not None else []
        together = (await self._teams.plan(caller.team)).in_flight
        if together is not None:
            wanted.append((name_of(caller.team), together))
        # Places first: they are given back to whoever the buckets refuse, but nothing gives tokens back.
        held = self._places.take(wanted)
        try:
            await self._pay(caller, cost)
        except BaseException:
            held.leave()
            raise
        return held

    async def pay(self, caller: Caller, cost: int) -> None:
        """For more predictions of a call that is under way. Raises as `enter`, but for places."""
        await self._quotas.admit(caller.team)
        await self._pay(caller, cost)

    async def _pay(self, caller: Caller, cost: int) -> None:
        # The principal first: who is refused by his own limit takes nothing from his team.
        await self._limiter.admit(caller.name, caller.limit, cost)
        await self._teams.admit(caller.team, cost)

    def standing(self, caller: Caller) -> Standing:
        """Of the limit that is nearer."""
        own, team = self._limiter.standing(caller.name, caller.limit), self._teams.standing(caller.team)
        return own if team is None or own.remaining <= team.remaining else team
