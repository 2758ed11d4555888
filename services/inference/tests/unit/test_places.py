"""How many predictions are under way at once, and what a refused one has paid."""

from typing import Any

import pytest
from fp_inference.app.admission import Admission
from fp_inference.app.limiter import Limiter
from fp_inference.app.places import Places
from fp_inference.app.quotas import Quotas
from fp_inference.app.team_limits import TeamLimit, TeamLimits
from fp_inference.app.values import Caller
from fp_kernel import ResourceExhausted
from fp_kernel.bucket import Grant, Limit
from fp_testkit.clock import ManualClock
from inference_fakes.predicting import FakePlans, Fleet


class Buckets:
    """paid: tokens by bucket. empty: the buckets that have none."""

    def __init__(self) -> None:
        self.paid: dict[str, int] = {}
        self.empty: set[str] = set()

    async def lease(self, name: str, limit: Limit, least: int, most: int) -> Grant:
        if name in self.empty:
            return Grant(0, 0.5)
        self.paid[name] = self.paid.get(name, 0) + least
        return Grant(least)


class Setting:
    def __init__(self, clock: ManualClock) -> None:
        self.buckets, self.plans, self.fleet = Buckets(), FakePlans(), Fleet()
        self.plans.limit = TeamLimit(Limit(10.0, 20), in_flight=2)
        self.places = Places(self.fleet)
        limiter = Limiter(self.buckets, clock)
        self.admission = Admission(Quotas(None, clock), limiter, TeamLimits(self.plans, limiter, clock), self.places)

    async def enter(self, team: str = "alpha", **changes: Any) -> Any:
        caller = Caller(team, "ann", "", f"{team}/ann", Limit(100.0, 200), may_pin=False, **changes)
        return await self.admission.enter(caller, 1)


@pytest.fixture
def setting(clock: ManualClock) -> Setting:
    return Setting(clock)


async def test_a_team_has_so_many_calls_at_once_and_gives_its_places_back(setting: Setting) -> None:
    with await setting.enter():
        with await setting.enter():
            with pytest.raises(ResourceExhausted) as caught:
                await setting.enter()
            assert (caught.value.reason, caught.value.metadata["limit"]) == ("IN_FLIGHT_LIMITED", "2")
            assert caught.value.retry_after
            with await setting.enter("beta"):
                pass
        with pytest.raises(RuntimeError), await setting.enter():
            raise RuntimeError("what fails gives its place back as well")
    assert setting.places.taken == 0


async def test_one_that_finds_no_place_has_paid_nothing(setting: Setting) -> None:
    with await setting.enter(), await setting.enter():
        before = dict(setting.buckets.paid)
        with pytest.raises(ResourceExhausted):
            await setting.enter()
        assert setting.buckets.paid == before


@pytest.mark.parametrize("empty", ["alpha/ann", "/alpha"])
async def test_one_that_a_bucket_refuses_holds_no_place(setting: Setting, empty: str) -> None:
    setting.buckets.empty.add(empty)
    with pytest.raises(ResourceExhausted) as caught:
        await setting.enter()
    assert caught.value.reason == "RATE_LIMITED"
    assert setting.places.taken == 0


async def test_each_replica_gives_its_share_of_the_places(setting: Setting) -> None:
    setting.plans.limit = TeamLimit(None, in_flight=5)
    setting.fleet.count = 3
    held = [await setting.enter() for _ in range(2)]
    with pytest.raises(ResourceExhausted) as caught:
        await setting.enter()
    assert caught.value.metadata["limit"] == "5"
    setting.fleet.count = 1
    held += [await setting.enter() for _ in range(3)]
    for each in held:
        each.leave()
    setting.fleet.count = 100
    with await setting.enter():
        pass


async def test_a_caller_with_a_limit_of_his_own_leaves_places_to_his_team(setting: Setting) -> None:
    with await setting.enter(in_flight=1):
        with pytest.raises(ResourceExhausted) as caught:
            await setting.enter(in_flight=1)
        assert caught.value.metadata["limit"] == "1"
        with await setting.enter():
            pass
    assert setting.places.taken == 0
