"""When OK would be a guess."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fp_monitor.domain.health import overall, passed, reason_unknown
from fp_monitor.domain.hysteresis import Level
from fp_monitor.domain.metric import DriftKind, Severity
from fp_monitor.domain.monitor import Config, Monitor, Unwatched
from fp_monitor.domain.report import Report
from fp_monitor.domain.window import Period

NOW = datetime(2013, 7, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
CONFIG = Config("delays", timedelta(), 200, 50, (), False, "", True)
JUDGED = Monitor("m", "alpha", CONFIG, NOW, NOW, served="2", baseline="2", judged=True)
REPORT = Report("r", "m", "alpha", "delays", "2", DriftKind.DATA, Severity.OK, (), "w", 200, Period(NOW, NOW), NOW, 1)


def test_a_version_that_was_judged_and_is_served_is_ok():
    assert reason_unknown(JUDGED, REPORT, NOW + 999 * HOUR) == "", "a window by count waits for its traffic"
    assert overall(JUDGED, "") is Severity.OK


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"config": replace(CONFIG, enabled=False)}, "paused"),
        ({"served": "", "baseline": "", "judged": False}, "no version is in production"),
        ({"baseline": "", "judged": False}, "version 2 was promoted without a baseline"),
        ({"judged": False}, "no window has been judged since the baseline"),
        ({"judged": False, "unwatched": Unwatched(1, "3")}, "the newest of version 3"),
        ({"unwatched": Unwatched(20, "3")}, "the last 20 predictions are of others"),
        ({"config": replace(CONFIG, duration=HOUR)}, "no window has been judged since 2013-07-01T00:00:00"),
    ],
)
def test_what_is_not_judged_is_not_ok_and_says_why(changes, reason):
    monitor = replace(JUDGED, **changes)
    doubted = reason_unknown(monitor, REPORT, NOW + 3 * HOUR)
    assert reason in doubted
    assert overall(monitor, doubted) is None


def test_a_window_that_lacks_too_much_for_a_verdict_is_said_to():
    lacking = replace(REPORT, gap=Period(NOW - HOUR, NOW), inconclusive=True)
    reason = reason_unknown(JUDGED, lacking, NOW)
    assert reason == (
        "the last window could not be judged: "
        "predictions from 2013-06-30T23:00:00+00:00 to 2013-07-01T00:00:00+00:00 were dropped unread"
    )
    assert overall(JUDGED, reason) is None


def test_an_alarm_stays_an_alarm_in_doubt():
    level = Level(severity=Severity.CRITICAL)
    monitor = replace(JUDGED, levels={DriftKind.DATA: level}, unwatched=Unwatched(500, "3"))
    assert overall(monitor, reason_unknown(monitor, REPORT, NOW)) is Severity.CRITICAL


def test_a_canary_beside_the_version_in_production_raises_no_doubt():
    monitor = JUDGED
    for _ in range(50):
        monitor = replace(monitor, unwatched=passed(monitor, ["2"] * 9 + ["3"]))
        assert monitor.unwatched == Unwatched(1, "3")
        assert reason_unknown(monitor, REPORT, NOW) == ""


def test_predictions_of_other_versions_add_up_until_the_watched_one_answers_again():
    first = replace(JUDGED, unwatched=passed(JUDGED, ["3"] * 15))
    second = replace(first, unwatched=passed(first, ["3", "4"]))
    assert second.unwatched == Unwatched(17, "4")
    assert passed(second, []) == second.unwatched
    assert passed(second, ["4", "2"]) == Unwatched()
