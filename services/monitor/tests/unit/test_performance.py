"""AUC, log-loss, accuracy, F1 and RMSE against scikit-learn's, and their chance errors."""

import numpy as np
import pytest
from fp_monitor.domain.metric import DriftKind, Method, Severity
from fp_monitor.domain.performance import Outcomes, judge, measure
from fp_monitor.domain.thresholds import Threshold
from sklearn import metrics

THRESHOLDS = (Threshold(DriftKind.PERFORMANCE, Method.UNSPECIFIED, 0.05, 0.1),)


def binary(size=500, seed=3, *, skill=1.5):
    generator = np.random.default_rng(seed)
    actual = generator.random(size) < 0.3
    # Rounded, so that there are ties.
    scores = np.round(1 / (1 + np.exp(-(generator.normal(size=size) + skill * (actual - 0.8)))), 2)
    return Outcomes(("on_time", "late"), actual.astype(float), (scores > 0.5).astype(np.int64), scores)


def test_two_classes_equal_scikit_learns():
    outcomes = binary()
    found = {name: estimate.value for name, estimate in measure(outcomes).items()}
    assert found == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(outcomes.actual, outcomes.predicted),
            "f1": metrics.f1_score(outcomes.actual, outcomes.predicted),
            "auc": metrics.roc_auc_score(outcomes.actual, outcomes.scores),
            "log_loss": metrics.log_loss(outcomes.actual, outcomes.scores),
        },
        rel=1e-12,
    )


def test_certain_scores_equal_scikit_learns():
    outcomes = Outcomes(("no", "yes"), np.array([0.0, 1, 1, 0]), np.array([0, 1, 0, 0]), np.array([0.0, 1, 0, 0]))
    expected = metrics.log_loss(outcomes.actual, outcomes.scores)
    assert measure(outcomes)["log_loss"].value == pytest.approx(expected, rel=1e-9)


def test_many_classes_equal_scikit_learns():
    generator = np.random.default_rng(4)
    probabilities = generator.dirichlet(np.ones(4), 300)
    actual = np.array([generator.choice(4, p=row) for row in probabilities])
    predicted = probabilities.argmax(axis=1)
    outcomes = Outcomes(tuple("abcd"), actual.astype(float), predicted, probabilities[:, -1], probabilities)
    found = {name: estimate.value for name, estimate in measure(outcomes).items()}
    assert found == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(actual, predicted),
            "f1": metrics.f1_score(actual, predicted, average="macro"),
            "log_loss": metrics.log_loss(actual, probabilities, labels=range(4)),
        },
        rel=1e-12,
    )


def test_values_equal_scikit_learns():
    generator = np.random.default_rng(5)
    actual = generator.normal(size=200)
    predicted = actual + generator.normal(size=200)
    found = measure(Outcomes((), actual, np.full(200, -1), predicted))
    assert found["rmse"].value == pytest.approx(metrics.root_mean_squared_error(actual, predicted), rel=1e-12)
    assert found["rmse"].influence.sum() == pytest.approx(0, abs=1e-12)


def test_one_class_alone_has_no_auc():
    found = measure(Outcomes(("no", "yes"), np.zeros(20), np.zeros(20, dtype=np.int64), np.linspace(0, 1, 20)))
    assert "auc" not in found
    assert "log_loss" in found


def test_nothing_has_no_statistics():
    assert measure(Outcomes(("no", "yes"), np.empty(0), np.empty(0, dtype=np.int64), np.empty(0))) == {}


def test_the_chance_error_of_the_auc_is_that_of_repeated_samples():
    # DeLong's error of one sample against the spread of the AUC over many.
    spread = np.std([measure(binary(300, seed))["auc"].value for seed in range(200)])
    influence = measure(binary(300, 7))["auc"].influence
    assert np.sqrt((influence**2).sum()) == pytest.approx(spread, rel=0.2)


def test_a_lost_tenth_that_is_certain_is_critical():
    by_name = {metric.name: metric for metric in judge(binary(2_000, skill=0.2), {"auc": 0.85}, THRESHOLDS)}
    auc = by_name["auc"]
    assert auc.severity is Severity.CRITICAL
    assert auc.score == pytest.approx((0.85 - auc.current_value) / 0.85)
    assert (auc.baseline_value, by_name["accuracy"].severity) == (0.85, Severity.OK)


def test_a_lost_tenth_that_may_be_chance_is_no_alarm():
    (auc,) = [metric for metric in judge(binary(40, skill=1.0), {"auc": 0.85}, THRESHOLDS) if metric.name == "auc"]
    assert auc.score > 0.1
    assert auc.severity is Severity.OK
    assert auc.p_value > 0.05


def test_what_has_no_reference_is_told_and_not_judged():
    assert {metric.severity for metric in judge(binary(2_000, skill=0.0), {}, THRESHOLDS)} == {Severity.OK}


def test_a_gain_is_below_zero():
    (auc,) = [metric for metric in judge(binary(2_000), {"auc": 0.6}, THRESHOLDS) if metric.name == "auc"]
    assert auc.score < 0
    assert auc.severity is Severity.OK
