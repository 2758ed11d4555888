"""Gaps in the traffic, and windows that have them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fp_monitor.domain.gap import Gap, is_inconclusive, matters, span
from fp_monitor.domain.metric import DriftKind
from fp_monitor.domain.window import Period

NOW = datetime(2013, 7, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = 24 * HOUR
GAP = Gap("PREDICTIONS", 10, 19, NOW - 5 * HOUR, NOW - 3 * HOUR, NOW)


@pytest.mark.parametrize(
    ("other", "touches"),
    [
        ({}, True),
        ({"first": 15, "last": 25}, True),
        ({"first": 20, "last": 25}, True),
        ({"first": 1, "last": 9}, True),
        ({"first": 21, "last": 25}, False),
        ({"stream": "OTHER"}, False),
    ],
)
def test_gaps_that_follow_each_other_without_a_message_between_are_one(other, touches):
    assert GAP.touches(replace(GAP, **other)) is touches


def test_a_joined_gap_has_all_messages_and_the_time_at_which_it_was_first_noticed():
    longer = Gap("PREDICTIONS", 20, 29, None, NOW - HOUR, NOW + HOUR)
    assert longer.joined([GAP]) == Gap("PREDICTIONS", 10, 29, NOW - 5 * HOUR, NOW - HOUR, NOW)


@pytest.mark.parametrize(
    ("gaps", "duration", "inconclusive"),
    [
        ([], DAY, False),
        ([GAP], DAY, False),
        ([GAP], 20 * HOUR, False),
        ([GAP], 19 * HOUR, True),
        ([GAP, GAP], DAY, True),
        ([GAP], timedelta(), False),
        ([replace(GAP, since=None)], 100 * DAY, True),
        ([replace(GAP, since=None)], timedelta(), False),
    ],
)
def test_a_window_of_some_time_is_judged_when_at_most_a_tenth_of_it_is_missing(gaps, duration, inconclusive):
    assert is_inconclusive(gaps, duration) is inconclusive


def test_what_a_report_shows_of_several_gaps():
    assert span([]) is None
    assert span([GAP, replace(GAP, since=None, until=NOW)]) == Period(NOW - 5 * HOUR, NOW)


def test_windows_of_labels_have_no_gaps():
    assert [kind for kind in DriftKind if matters(kind)] == [DriftKind.DATA, DriftKind.PREDICTION]
