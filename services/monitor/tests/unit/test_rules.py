"""Hysteresis, thresholds, configuration, retraining."""

from datetime import UTC, datetime, timedelta

import pytest
from fp_kernel import InvalidArgument
from fp_monitor.domain.baseline import LABEL, SCORE, Baseline, CategoryCells, Distribution, NumericCells
from fp_monitor.domain.hysteresis import Level, step
from fp_monitor.domain.metric import DriftKind, Method, Metric, Severity
from fp_monitor.domain.monitor import Config, Retraining, check
from fp_monitor.domain.prediction import Labelled, Prediction, Truth, check_meaning, check_truths, outcomes
from fp_monitor.domain.report import PATIENCE, RetrainRequest, retrain_request
from fp_monitor.domain.thresholds import DEFAULTS, Threshold, check_thresholds, effective

NOW = datetime(2013, 7, 1, tzinfo=UTC)
OK, WARNING, CRITICAL = Severity.OK, Severity.WARNING, Severity.CRITICAL
HOUR = timedelta(hours=1)


def found(**severities):
    return [Metric(name, Method.PSI, 1.0, 0.0, 1.0, severity) for name, severity in severities.items()]


def reports(kind, *windows):
    level, said = Level(), []
    for window in windows:
        level, severity = step(level, kind, found(**window))
        said.append(severity)
    return said, level.severity


def test_one_bad_window_of_inputs_is_no_alarm():
    assert reports(DriftKind.DATA, {"temp": CRITICAL}, {}) == ([OK, OK], OK)


def test_the_same_feature_twice_is_an_alarm():
    assert reports(DriftKind.DATA, {"temp": CRITICAL}, {"temp": CRITICAL})[0] == [OK, CRITICAL]


def test_another_feature_each_week_is_no_alarm():
    assert reports(DriftKind.DATA, {"humid": CRITICAL}, {"temp": CRITICAL}, {"visib": CRITICAL})[0] == [OK, OK, OK]


def test_an_alarm_says_what_both_windows_say():
    said, level = reports(DriftKind.DATA, {"temp": WARNING}, {"temp": CRITICAL}, {"temp": CRITICAL})
    assert said == [OK, WARNING, CRITICAL]
    assert level is CRITICAL


def test_an_alarm_is_cleared_by_two_windows_without():
    bad = {"temp": CRITICAL}
    assert reports(DriftKind.DATA, bad, bad, {}) == ([OK, CRITICAL, OK], CRITICAL)
    assert reports(DriftKind.DATA, bad, bad, {}, {}) == ([OK, CRITICAL, OK, OK], OK)


def test_lost_performance_is_an_alarm_at_once():
    assert reports(DriftKind.PERFORMANCE, {"auc": CRITICAL}) == ([CRITICAL], CRITICAL)


CONFIG = Config("delays", timedelta(), 1_500, 500, (), auto_retrain=True, retrain_pipeline_id="p", enabled=True)


def asked(retraining, at, *, kind=DriftKind.PERFORMANCE, severity=CRITICAL):
    return retrain_request(CONFIG, retraining, kind, severity, at)


def test_only_lost_performance_asks_for_a_new_model():
    assert asked(Retraining(), NOW)
    assert not asked(Retraining(), NOW, kind=DriftKind.DATA)
    assert not asked(Retraining(), NOW, kind=DriftKind.PREDICTION)
    assert not asked(Retraining(), NOW, severity=WARNING)


def test_a_retraining_that_started_is_not_asked_for_again_within_the_cooldown():
    started = Retraining(requested_at=NOW, started_at=NOW + timedelta(seconds=1))
    assert not asked(started, NOW + HOUR)
    assert asked(started, NOW + HOUR + timedelta(seconds=1))


def test_a_retraining_that_never_started_does_not_burn_the_cooldown():
    unheard = Retraining(requested_at=NOW)
    assert not asked(unheard, NOW + PATIENCE / 2)
    assert asked(unheard, NOW + PATIENCE)


def test_a_request_that_nobody_answers_stays_one_request():
    unheard = Retraining(requested_at=NOW, report_id="r")
    assert asked(Retraining(), NOW) is RetrainRequest.NEW
    assert asked(unheard, NOW + PATIENCE / 2) is None
    assert asked(unheard, NOW + 10 * HOUR) is RetrainRequest.AGAIN
    answered = Retraining(requested_at=NOW, started_at=NOW + PATIENCE, report_id="r")
    assert asked(answered, NOW + 10 * HOUR) is RetrainRequest.NEW


def test_a_retraining_that_failed_may_be_asked_for_at_once():
    assert asked(Retraining(requested_at=None, started_at=None), NOW)


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("model_name", {"model_name": ""}),
        ("window_duration", {"duration": timedelta(seconds=-1)}),
        ("window_size", {"size": -1}),
        ("window_size", {"size": 1_000_001}),
        ("window_size", {"size": 0, "min_samples": 0}),
        ("min_samples", {"min_samples": 1_501}),
        ("retrain_pipeline_id", {"retrain_pipeline_id": ""}),
        ("retrain_pipeline_id", {"retrain_pipeline_id": "nightly"}),
        ("retrain_cooldown", {"cooldown": timedelta(seconds=-1)}),
    ],
)
def test_a_bad_configuration_is_named(field, changes):
    pipeline = "018f0000-0000-7000-8000-000000000000"
    good = {name: getattr(CONFIG, name) for name in CONFIG.__slots__} | {"retrain_pipeline_id": pipeline}
    check(Config(**good))
    with pytest.raises(InvalidArgument) as error:
        check(Config(**(good | changes)))
    assert [violation.field for violation in error.value.fields] == [field]


PSI = Threshold(DriftKind.DATA, Method.PSI, 0.1, 0.25)


@pytest.mark.parametrize(
    ("field", "thresholds"),
    [
        ("thresholds[0].warn_score", [Threshold(DriftKind.DATA, Method.PSI, 0.0, 0.25)]),
        ("thresholds[0].critical_score", [Threshold(DriftKind.DATA, Method.PSI, 0.3, 0.25)]),
        ("thresholds[1]", [PSI, PSI]),
        ("thresholds[0].method", [Threshold(DriftKind.DATA, Method.UNSPECIFIED, 0.1, 0.2)]),
        ("thresholds[0].method", [Threshold(DriftKind.PERFORMANCE, Method.KS, 0.1, 0.2)]),
        ("thresholds[0].warn_score", [Threshold(DriftKind.DATA, Method.KS, float("nan"), 0.2)]),
    ],
)
def test_a_bad_threshold_is_named(field, thresholds):
    with pytest.raises(InvalidArgument) as error:
        check_thresholds(thresholds)
    assert [violation.field for violation in error.value.fields] == [field]


def test_the_defaults_fill_in_what_was_not_said():
    said = Threshold(DriftKind.DATA, Method.KS, 0.2, 0.4)
    assert effective([said]) == (said, DEFAULTS[1], DEFAULTS[2])


FLIGHTS = Baseline(
    "1",
    (Distribution("hour", NumericCells((5.0,)), (1, 1, 0)),),
    (
        Distribution(SCORE, NumericCells((0.5,)), (1, 1, 0)),
        Distribution(LABEL, CategoryCells(("on_time", "late")), (1, 1, 0, 0)),
    ),
    labels=("on_time", "late"),
)


def test_the_place_of_a_class_is_its_label():
    """ONNX classifiers answer the place; people say the name."""
    said = Prediction("r", "1", NOW, {"hour": 7.0}, 0.9, "1", {})
    assert said.inputs(FLIGHTS) == [7.0]
    assert said.answers(FLIGHTS) == [0.9, "late"]
    rows = [Labelled(0.9, "1", "late"), Labelled(0.2, "on_time", "0"), Labelled(None, "1", "late")]
    compared = outcomes(rows, FLIGHTS)
    assert compared.actual.tolist() == [1, 0]
    assert compared.predicted.tolist() == [1, 0]


def test_values_are_compared_as_numbers():
    compared = outcomes([Labelled(1.5, "", "2"), Labelled(float("nan"), "", "3")], Baseline("1", (), ()))
    assert (compared.actual.tolist(), compared.scores.tolist()) == ([2.0], [1.5])
    assert len(outcomes([], Baseline("1", (), ()))) == 0


@pytest.mark.parametrize(
    ("field", "truths"),
    [
        ("labels", []),
        ("labels", [Truth(str(i), "late", NOW) for i in range(1_001)]),
        ("labels[0].request_id", [Truth("", "late", NOW)]),
        ("labels[1].request_id", [Truth("r", "late", NOW), Truth("r", "late", NOW)]),
        ("labels[0].actual_label", [Truth("r", "", NOW)]),
        ("labels[0].actual_label", [Truth("r", "é" * 129, NOW)]),
        ("labels[0].actual_label", [Truth("r", "a\0b", NOW)]),
        ("labels[0].observed_at", [Truth("r", "late", NOW + HOUR)]),
    ],
)
def test_a_bad_label_is_named(field, truths):
    with pytest.raises(InvalidArgument) as error:
        check_truths(truths, NOW)
    assert [violation.field for violation in error.value.fields] == [field]


def test_a_label_that_the_model_does_not_have_is_named():
    check_meaning([Truth("r", "late", NOW), Truth("s", "0", NOW)], FLIGHTS)
    with pytest.raises(InvalidArgument, match=r"labels\[1\].actual_label"):
        check_meaning([Truth("r", "late", NOW), Truth("s", "cancelled", NOW)], FLIGHTS)
    with pytest.raises(InvalidArgument, match="must be a number"):
        check_meaning([Truth("r", "inf", NOW)], Baseline("1", (), ()))


@pytest.mark.parametrize("text", ["1e200", "-1e200", "inf", "nan"])
def test_a_label_whose_square_is_no_number_is_refused(text):
    regression = Baseline("1", (), ())
    with pytest.raises(InvalidArgument, match="must be a number"):
        check_meaning([Truth("r", text, NOW)], regression)


def test_a_score_whose_square_is_no_number_is_not_compared():
    regression = Baseline("1", (), ())
    rows = [Labelled(1e200, "", "1.0"), Labelled(2.0, "", "1.0")]
    assert outcomes(rows, regression).scores.tolist() == [2.0]
