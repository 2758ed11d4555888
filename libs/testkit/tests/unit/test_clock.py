from datetime import UTC, datetime, timedelta

import pytest
from fp_testkit.wallclock import MOMENT, RunningClock, StandingClock


def test_time_moves_only_when_told(clock):
    before, ticks = clock.now(), clock.monotonic()

    assert (clock.now(), clock.monotonic()) == (before, ticks)
    clock.advance(1.5)
    assert clock.now() - before == timedelta(seconds=1.5)
    assert clock.monotonic() - ticks == 1.5


def test_time_does_not_go_back(clock):
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1)


def test_a_corrected_wall_clock_leaves_the_monotonic_reading(clock):
    ticks = clock.monotonic()

    clock.set_wall(datetime(2001, 1, 1, tzinfo=UTC))

    assert clock.now().year == 2001
    assert clock.monotonic() == ticks


def test_a_standing_wall_moves_only_when_told_and_time_outs_go_on():
    clock = StandingClock()
    ticks = clock.monotonic()

    while clock.monotonic() == ticks:
        pass
    assert clock.now() == MOMENT
    clock.advance(60)
    assert clock.now() - MOMENT == timedelta(minutes=1)


def test_running_clocks_go_on_from_the_moment_and_agree():
    clock = RunningClock()

    begun = clock.now()
    while clock.now() == begun:
        pass
    assert MOMENT <= begun < clock.now() <= RunningClock().now()
