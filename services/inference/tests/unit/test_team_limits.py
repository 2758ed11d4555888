"""What a team's plan allows its members together."""

import pytest
from fp_inference.app.limiter import Limiter
from fp_inference.app.team_limits import FRESH_SECONDS, TeamLimit, TeamLimits
from fp_kernel import Error, ResourceExhausted, Unavailable
from fp_kernel.bucket import Grant, Limit
from fp_testkit.clock import ManualClock


class Away:
    """The shared buckets are away: each process has its own, by the test's clock."""

    async def lease(self, name: str, limit: Limit, least: int, most: int) -> Grant:
        raise Unavailable("away")


class Plans:
    def __init__(self) -> None:
        self.limit: TeamLimit | Error = TeamLimit(Limit(10.0, 20), in_flight=2)
        self.asked = 0

    async def of_team(self, team: str) -> TeamLimit:
        self.asked += 1
        if isinstance(self.limit, Error):
            raise self.limit
        return self.limit


@pytest.fixture
def plans() -> Plans:
    return Plans()


@pytest.fixture
def limits(plans: Plans, clock: ManualClock) -> TeamLimits:
    return TeamLimits(plans, Limiter(Away(), clock), clock)


async def test_all_members_of_a_team_share_its_rate(limits: TeamLimits, clock: ManualClock) -> None:
    await limits.admit("alpha", 12)
    await limits.admit("alpha", 8)
    with pytest.raises(ResourceExhausted) as caught:
        await limits.admit("alpha", 1)
    assert (caught.value.reason, caught.value.retry_after) == ("RATE_LIMITED", pytest.approx(0.1))
    await limits.admit("beta", 20)
    clock.advance(1.0)
    await limits.admit("alpha", 10)
    standing = limits.standing("alpha")
    assert standing is not None
    assert (standing.limit, standing.remaining) == (20, 0)


async def test_a_plan_is_asked_for_once_a_minute_and_an_older_word_counts_while_billing_is_away(
    limits: TeamLimits, plans: Plans, clock: ManualClock
) -> None:
    for _ in range(5):
        await limits.admit("alpha", 1)
    assert plans.asked == 1
    plans.limit = Unavailable("billing is away")
    clock.advance(FRESH_SECONDS)
    await limits.admit("alpha", 20)
    with pytest.raises(ResourceExhausted):
        await limits.admit("alpha", 1)
    await limits.close()


async def test_without_billings_word_there_is_no_limit(clock: ManualClock, plans: Plans) -> None:
    plans.limit = Unavailable("billing is away")
    for limits in (
        TeamLimits(plans, Limiter(Away(), clock), clock),
        TeamLimits(None, Limiter(Away(), clock), clock),
    ):
        for _ in range(100):
            await limits.admit("alpha", 100)
        assert limits.standing("alpha") is None
