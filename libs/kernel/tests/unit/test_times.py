from datetime import UTC, datetime, timedelta, timezone

import pytest
from fp_kernel.times import at_microseconds, microseconds, rfc3339, seconds_and_nanos, utc

_MOMENT = datetime(2013, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)


@pytest.mark.parametrize("moment", [_MOMENT, datetime(1, 1, 1, tzinfo=UTC), datetime(1969, 12, 31, 23, tzinfo=UTC)])
def test_a_time_comes_back_to_the_microsecond(moment):
    assert utc(*seconds_and_nanos(moment)) == moment
    assert at_microseconds(microseconds(moment)) == moment


def test_a_time_of_another_zone_is_the_same_moment():
    elsewhere = _MOMENT.astimezone(timezone(timedelta(hours=-5)))
    assert seconds_and_nanos(elsewhere) == seconds_and_nanos(_MOMENT)
    assert rfc3339(elsewhere) == "2013-12-31T23:59:59.999999Z"


def test_a_time_without_zone_is_refused():
    with pytest.raises(TypeError):
        seconds_and_nanos(_MOMENT.replace(tzinfo=None))


@pytest.mark.parametrize("seconds", [253_402_300_800, -(10**12)])
def test_a_time_outside_the_years_1_to_9999_is_refused(seconds):
    with pytest.raises(OverflowError):
        utc(seconds, 0)
