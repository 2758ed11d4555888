"""What a team's plan allows its members together: predictions a second, and predictions at once."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final, Protocol

from fp_kernel import Clock, Error, ResourceExhausted
from fp_kernel.loading import Loaded, LoadingCache
from fp_telemetry import get_logger

from fp_inference.app.limiter import Limiter, Standing
from fp_inference.domain.bucket import Limit
from fp_inference.domain.failures import IN_FLIGHT

# A plan that was assigned counts here this soon; while billing is away, what it said counts this long.
FRESH_SECONDS: Final = 60.0
_GOOD_SECONDS: Final = 3_600.0
_MOST_TEAMS: Final = 10_000
# How long one prediction takes is not known: soon enough for a short one, and no storm of retries.
_RETRY_SECONDS: Final = 0.1

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
        self._flights: dict[str, int] = {}

    async def admit(self, team: str, cost: int) -> None:
        """Raises ResourceExhausted with a retry delay."""
        plan = await self._plan(team)
        if plan.limit is not None:
            await self._limiter.admit(_name(team), plan.limit, cost)

    def enter(self, team: str) -> AbstractContextManager[None]:
        """To be held for as long as a call of the team is under way. Raises ResourceExhausted with a retry delay."""
        most = (self._known.peek(team) or UNLIMITED).in_flight
        if most is None:
            return nullcontext()
        if self._flights.get(team, 0) >= most:
            raise ResourceExhausted(
                f"more than {most} predictions of the team at once",
                reason=IN_FLIGHT,
                retry_after=_RETRY_SECONDS,
                metadata={"quota": "predictions_in_flight", "limit": str(most)},
            )
        self._flights[team] = self._flights.get(team, 0) + 1
        return self._flight(team)

    def standing(self, team: str) -> Standing | None:
        """None without a limit."""
        plan = self._known.peek(team) or UNLIMITED
        return self._limiter.standing(_name(team), plan.limit) if plan.limit is not None else None

    async def close(self) -> None:
        await self._known.close()

    @contextmanager
    def _flight(self, team: str) -> Iterator[None]:
        try:
            yield
        finally:
            left = self._flights[team] - 1
            if left:
                self._flights[team] = left
            else:
                del self._flights[team]

    async def _plan(self, team: str) -> TeamLimit:
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


def _name(team: str) -> str:
    # No principal's bucket has such a name: theirs begin with the team and a slash.
    return f"/{team}"
