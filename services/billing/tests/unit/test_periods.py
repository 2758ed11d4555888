from datetime import UTC, datetime, timedelta, timezone

import pytest
from fp_billing.domain.periods import Grace, Period, day_of, period_of, settle
from hypothesis import given
from hypothesis import strategies as st

GRACE = Grace(timedelta(hours=72))
moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- hypothesis adds the zone


@given(moments)
def test_every_moment_lies_in_its_period_and_in_no_other(moment):
    period = period_of(moment)
    assert period.holds(moment)
    assert period_of(period.end).start == period.end
    assert not period.holds(period.end)


def test_december_ends_with_the_year():
    assert period_of(datetime(2013, 12, 31, 23, 59, tzinfo=UTC)).end == datetime(2014, 1, 1, tzinfo=UTC)


def test_days_and_months_are_those_of_utc():
    new_york = timezone(timedelta(hours=-5))
    evening = datetime(2013, 2, 28, 20, tzinfo=new_york)
    assert day_of(evening).isoformat() == "2013-03-01"
    assert period_of(evening) == Period(datetime(2013, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("occurred", "counts"),
    [
        pytest.param("2013-03-02T11:00", "2013-03-02T11:00", id="in the present period"),
        pytest.param("2013-02-28T23:59", "2013-02-28T23:59", id="late, within the grace"),
        pytest.param("2013-01-31T23:59", "2013-03-01T00:00", id="too late"),
        pytest.param("2013-03-02T13:00", "2013-03-02T12:00", id="in the future"),
    ],
)
def test_a_fact_counts_when_it_happened_unless_that_cannot_be(occurred, counts):
    now = datetime(2013, 3, 2, 12, tzinfo=UTC)
    at = settle(datetime.fromisoformat(occurred).replace(tzinfo=UTC), now, GRACE)
    assert at == datetime.fromisoformat(counts).replace(tzinfo=UTC)


@given(moments, moments)
def test_nothing_counts_in_the_future_or_in_a_period_past_its_grace(occurred, now):
    at = settle(occurred, now, GRACE)
    assert at <= now
    assert not GRACE.is_over(period_of(at), now)
