from dataclasses import replace
from datetime import timedelta

import pytest
from fp_events.consumer.gap import Gap, Position
from fp_events.metrics import BusMetrics
from fp_events.streams import USAGE
from fp_telemetry import Metrics
from fp_testkit.wallclock import MOMENT

AT = Position("made once", first=1, oldest=MOMENT, delivered=0, delivered_at=None)
LATER = MOMENT + timedelta(hours=1)


@pytest.fixture
def metrics():
    return Metrics("monitor")


@pytest.fixture
def gap(metrics):
    return Gap("statistics", USAGE, BusMetrics(metrics))


def counted(metrics):
    lines = metrics.render()[0].decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("fp_monitor_events_missed_total{"))


def test_nothing_is_missed_while_the_next_message_is_there(gap):
    gap.seen(replace(AT, first=8, delivered=7))
    assert gap.unreported is None


def test_a_gap_that_grows_is_counted_once_and_reported_as_a_whole(gap, metrics):
    gap.seen(replace(AT, first=11, delivered=4))
    gap.seen(replace(AT, first=21, delivered=4))
    assert (gap.unreported.first, gap.unreported.last, gap.unreported.events) == (5, 20, 16)
    assert counted(metrics) == 16


def test_what_is_dropped_behind_a_reported_gap_is_another_one(gap):
    gap.seen(replace(AT, first=11, delivered=4))
    gap.reported(gap.unreported)
    gap.seen(replace(AT, first=11, delivered=4))
    assert gap.unreported is None
    gap.seen(replace(AT, first=16, delivered=4))
    assert (gap.unreported.first, gap.unreported.last) == (11, 15)


def test_a_stream_that_was_lost_and_made_anew_counts_from_its_beginning(gap, metrics):
    gap.seen(replace(AT, first=101, delivered=50))
    gap.reported(gap.unreported)
    gap.seen(replace(AT, created="made anew", first=11, delivered=4))
    assert (gap.unreported.first, gap.unreported.last) == (5, 10)
    assert counted(metrics) == 50 + 6


def test_a_gap_begins_at_the_last_message_that_this_process_had(gap):
    gap.taken(4, MOMENT)
    gap.taken(3, LATER)
    gap.seen(replace(AT, first=11, oldest=LATER, delivered=4, delivered_at=LATER))
    assert (gap.unreported.since, gap.unreported.until) == (MOMENT, LATER)


@pytest.mark.parametrize(
    ("delivered_at", "since"), [(None, None), (MOMENT, MOMENT), (LATER + timedelta(hours=1), LATER)]
)
def test_a_process_that_did_not_have_it_goes_by_the_server(gap, delivered_at, since):
    """A consumer that lagged was given it later than it was stored, and perhaps later than what lies behind the gap."""
    gap.taken(3, MOMENT - timedelta(hours=1))
    gap.seen(replace(AT, first=11, oldest=LATER, delivered=4, delivered_at=delivered_at))
    assert gap.unreported.since == since
