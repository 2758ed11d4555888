"""Clocks are compared by what a store tells between a question and its answer."""

from datetime import timedelta

import pytest
from fp_preflight import clocks
from fp_testkit.wallclock import MOMENT

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (MOMENT, 0),  # while it was asked
        (MOMENT + 3 * SECOND, 0),
        (MOMENT + 13 * SECOND, 10),
        (MOMENT - 7 * SECOND, -7),
    ],
)
def test_a_clock_differs_by_what_the_time_of_the_question_does_not_explain(told, found):
    assert clocks.skew(MOMENT, MOMENT + 3 * SECOND, told) == found * SECOND


def test_a_time_that_is_told_in_whole_seconds_may_be_almost_one_behind():
    assert clocks.skew(MOMENT, MOMENT, MOMENT - SECOND, exact=SECOND) == timedelta()


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (30, None),
        (-30, None),
        (31, "its clock is 31 s ahead of this node's"),
        (-60, "its clock is 60 s behind this node's"),
    ],
)
def test_what_tokens_do_not_bear_is_a_fault(found, said):
    told = clocks.fault("s3", found * SECOND)

    assert told is None if said is None else said in told
