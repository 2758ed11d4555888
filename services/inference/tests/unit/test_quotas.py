"""Quotas that billing says are exceeded."""

from datetime import UTC, datetime, timedelta

import pytest
from fp_inference.app.quotas import RECHECK_SECONDS, Quotas
from fp_kernel import ResourceExhausted, Unavailable
from fp_testkit.clock import ManualClock

_METER = "INFERENCE_REQUEST"


class FakeUsage:
    """answer: whether the quota is exceeded; None while billing is away."""

    def __init__(self, *, answer: bool | None) -> None:
        self.answer = answer
        self.asked = 0

    async def exceeded(self, team: str, meter: str) -> bool:
        self.asked += 1
        if self.answer is None:
            raise Unavailable("billing is away")
        return self.answer


def _exceed(
    quotas: Quotas, clock: ManualClock, sequence: int = 1, *, used_at: datetime | None = None, ago: int = 0
) -> None:
    published_at = clock.now() - timedelta(seconds=ago)
    quotas.exceeded("alpha", _METER, sequence=sequence, used_at=used_at or clock.now(), published_at=published_at)


async def _refused(quotas: Quotas, team: str = "alpha") -> bool:
    try:
        await quotas.admit(team)
    except ResourceExhausted as error:
        return error.reason == "QUOTA_EXCEEDED"
    return False


async def test_a_team_beyond_its_quota_waits_for_the_next_month(clock: ManualClock) -> None:
    quotas = Quotas(None, clock)
    assert not await _refused(quotas)
    _exceed(quotas, clock)
    assert await _refused(quotas)
    assert not await _refused(quotas, "beta")
    clock.set_wall(datetime(2013, 4, 1, tzinfo=UTC))
    assert not await _refused(quotas)


async def test_usage_of_last_month_closes_nothing(clock: ManualClock) -> None:
    quotas = Quotas(None, clock)
    _exceed(quotas, clock, used_at=datetime(2013, 2, 28, 23, tzinfo=UTC))
    assert not await _refused(quotas)


async def test_a_raised_limit_opens_and_the_next_crossing_closes_again(clock: ManualClock) -> None:
    usage = FakeUsage(answer=False)
    quotas = Quotas(usage, clock)
    _exceed(quotas, clock, 5)
    assert await _refused(quotas)
    clock.advance(RECHECK_SECONDS)
    assert not await _refused(quotas)
    _exceed(quotas, clock, 5)
    assert not await _refused(quotas)
    _exceed(quotas, clock, 6)
    assert await _refused(quotas)
    assert usage.asked == 1


async def test_what_was_told_before_the_start_is_asked_for(clock: ManualClock) -> None:
    usage = FakeUsage(answer=True)
    quotas = Quotas(usage, clock)
    _exceed(quotas, clock, ago=60)
    assert await _refused(quotas)
    assert await _refused(quotas)
    assert usage.asked == 1


@pytest.mark.parametrize("usage", [None, FakeUsage(answer=None)])
async def test_in_doubt_predictions_go_on(usage: FakeUsage | None, clock: ManualClock) -> None:
    quotas = Quotas(usage, clock)
    _exceed(quotas, clock, ago=60)
    assert not await _refused(quotas)
    if usage is not None:
        usage.answer = True
        assert not await _refused(quotas)
        clock.advance(RECHECK_SECONDS)
        assert await _refused(quotas)


async def test_a_certain_flag_stands_while_billing_is_away(clock: ManualClock) -> None:
    quotas = Quotas(FakeUsage(answer=None), clock)
    _exceed(quotas, clock)
    clock.advance(RECHECK_SECONDS)
    assert await _refused(quotas)
