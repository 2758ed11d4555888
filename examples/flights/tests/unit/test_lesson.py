"""Which flights teach, and which ones judge."""

import numpy as np
import pytest
from fp_flights import data, flights, lesson, pipelines

CONFIG = {"learn_days": 61, "judge_days": 14}
ASKED = {"newest_labelled_at": "2013-07-17T10:00:00+00:00", "window_start": "2013-07-10T00:00:00+00:00"}


def test_a_retraining_learns_from_two_months_and_is_judged_by_the_weeks_behind_them():
    plan = lesson.of(ASKED, CONFIG)

    known, unseen = plan.split(
        data.load().between(np.datetime64("2013-05-03T10:00"), np.datetime64("2013-07-17T10:00"))
    )

    assert plan.window.start.isoformat() == "2013-05-03T10:00:00+00:00"
    assert known.scheduled.max() < np.datetime64("2013-07-03T10:00") <= unseen.scheduled.min()
    assert len(known) > 45_000
    assert len(unseen) > 10_000


def test_the_first_training_is_judged_by_whole_weeks_of_its_own_months():
    given = pipelines.first_input(as_of="2013-03-01T00:00:00Z", window_start="2013-01-01T00:00:00Z")

    known, unseen = lesson.of(given, {}).split(data.load().months(1, 2))

    weeks = [set((each.scheduled - flights.FIRST_DAY) // np.timedelta64(7, "D")) for each in (known, unseen)]
    assert not weeks[0] & weeks[1]
    assert len(weeks[1]) == 2


@pytest.mark.parametrize("start", ["2013-03-01T00:00:00", "yesterday", "2013-05-01T00:00:00Z"])
def test_a_window_needs_two_times_in_order_that_say_their_zone(start):
    with pytest.raises(ValueError, match=r"zone|Invalid|before"):
        lesson.of(pipelines.first_input(as_of="2013-04-01T00:00:00Z", window_start=start), {})
