"""What a team's plan allows its members together: predictions a second, and predictions at once."""

from dataclasses import dataclass
from typing import Final, Protocol

from fp_kernel import Clock, Error
from fp_kernel.bucket import Limit
from fp_kernel.loading import Loaded, LoadingCache
from fp_telemetry import get_logger

from fp_inference.app.limiter import Limiter, Standing

# A plan that was assigned counts here this soon; while billing is away, what it said counts this long.
FRESH_SECONDS: Final = 60.0
_GOOD_SECONDS: Final = 3_600.0
_MOST_TEAMS: Final = 10_000

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TeamLimit:
    """limit: rows that the team may have predicted. in_flight: calls at once. None is no limit."""

    limit: Limit | None = None
    in_flight: int | None = None


UNLIMITED: Final = TeamLimit()


class Plans(Protocol):
    async def of_team(self, team: str) -> TeamLimit:
        """Raises an Error."""
        ...


class TeamLimits:
    """A team that pays must not stand still because billing is away: without its word there is no limit."""

    def __init__(self, plans: Plans | None, limiter: Limiter, clock: Clock) -> None:
        """plans: None when billing cannot be asked."""
        self._plans = plans
        self._limiter = limiter
        self._known = LoadingCache[str, TeamLimit](limit=_MOST_TEAMS, clock=clock)

    async def admit(self, team: str, cost: int) -> None:
        """Raises ResourceExhausted with a retry delay."""
        plan = await self.plan(team)
        if plan.limit is not None:
            await self._limiter.admit(name_of(team), plan.limit, cost)

    def standing(self, team: str) -> Standing | None:
        """None without a limit."""
        plan = self._known.peek(team) or UNLIMITED
        return self._limiter.standing(name_of(team), plan.limit) if plan.limit is not None else None

    async def close(self) -> None:
        await self._known.close()

    async def plan(self, team: str) -> TeamLimit:
        """What is known of it; asked for where it is too old."""
        if self._plans is None:
            return UNLIMITED
        known = self._known.fresh(team)
        if known is not None:
            return known
        plans = self._plans

        async def load() -> Loaded[TeamLimit]:
            try:
                found = await plans.of_team(team)
            except Error as error:
                # Here, and not where it is asked for: once a question, not once a prediction.
                _log.warning("the limits of a team were not read", team=team, reason=error.message)
                raise
            return Loaded(found, fresh_for=FRESH_SECONDS, good_for=_GOOD_SECONDS)

        try:
            return await self._known.get(team, load)
        except Error:
            return UNLIMITED


def name_of(team: str) -> str:
    """Of the team's bucket and places."""
    # No principal's bucket has such a name: theirs begin with the team and a slash.
    return f"/{team}"
