"""What chance can do: almost no alarms without drift, also where neighbours resemble each other."""

import numpy as np
import pytest
from fp_monitor.domain import drift
from fp_monitor.domain.baseline import Distribution, NumericCells
from fp_monitor.domain.counts import count, layout
from fp_monitor.domain.metric import DriftKind, Method, Severity, worst
from fp_monitor.domain.significance import adjusted, departure, loss
from fp_monitor.domain.thresholds import Threshold
from scipy import stats

FEATURES, BINS, SIZE = 12, 10, 3_000
ANY_SIZE = (Threshold(DriftKind.DATA, Method.PSI, 1e-9, 1e-9),)


def weather(generator, hours, memory):
    """A series whose values resemble their neighbours'; `memory` 0 for independent ones."""
    noise = generator.normal(size=(hours, FEATURES)) * np.sqrt(1 - memory**2)
    series = np.empty_like(noise)
    series[0] = generator.normal(size=FEATURES)
    for hour in range(1, hours):
        series[hour] = memory * series[hour - 1] + noise[hour]
    return series


def judged(series, thresholds):
    edges = stats.norm.ppf(np.linspace(0, 1, BINS + 1)[1:-1])
    cells = NumericCells(tuple(edges))
    known = layout(tuple(Distribution(f"f{i}", cells, (*([100_000] * BINS), 0)) for i in range(FEATURES)))
    rows = np.searchsorted(edges, series, side="left") + np.array(known.offsets)
    return drift.judge(known, count(0, rows, known.cells), thresholds)


@pytest.mark.parametrize("memory", [0.0, 0.9, 0.98])
def test_windows_without_drift_raise_almost_no_alarms_whatever_their_size_of_effect(memory):
    """No threshold holds anything back here: significance alone does, over twelve features together."""
    generator = np.random.default_rng(6)
    alarms = sum(worst(judged(weather(generator, SIZE, memory), ANY_SIZE)) > Severity.OK for _ in range(60))
    assert alarms <= 3


def test_independence_taken_for_granted_would_alarm_always():
    edges = [-np.inf, *stats.norm.ppf(np.linspace(0, 1, BINS + 1)[1:-1]), np.inf]
    series = weather(np.random.default_rng(7), SIZE, 0.98)
    p_values = [stats.chisquare(np.histogram(each, edges)[0]).pvalue for each in series.T]
    assert sum(p_value < 1e-6 for p_value in p_values) > FEATURES / 2


def test_a_shift_is_found_among_features_that_stay():
    series = weather(np.random.default_rng(8), SIZE, 0.9)
    series[:, 3] += 1.5
    found = {metric.name for metric in judged(series, ANY_SIZE) if metric.severity > Severity.OK}
    assert found == {"f3"}


def test_a_certain_shift_that_is_small_is_no_drift():
    series = weather(np.random.default_rng(9), 200_000, 0.0) + 0.02
    metrics = judged(series, (Threshold(DriftKind.DATA, Method.PSI, 0.1, 0.25),))
    assert min(metric.p_value for metric in metrics) < 0.01
    assert worst(metrics) is Severity.OK


def test_a_handful_of_events_says_nothing():
    assert departure(np.array([[0, 5]]), (500, 500)) == 1.0
    assert loss(0.5, np.array([0.1, -0.1])) == 1.0


def test_what_fills_one_cell_only_is_still_compared():
    blocks = np.tile(np.array([[100, 0]]), (20, 1))
    assert departure(blocks, (500, 500)) < 1e-5
    assert departure(blocks, (1_000, 0)) == 1.0


def test_p_values_are_corrected_as_scipy_does():
    p_values = np.random.default_rng(10).random(25) ** 3
    assert adjusted(list(p_values)) == pytest.approx(stats.false_discovery_control(p_values).tolist(), rel=1e-12)
    assert adjusted([]) == []


def test_a_loss_among_independent_samples_has_students_p_value():
    """With memory allowed for, it is a little less certain than a t-test that takes independence for granted."""
    samples = np.random.default_rng(11).normal(size=3_200)
    influence = (samples - samples.mean()) / len(samples)
    two = 2 * np.sqrt((influence**2).sum())
    assert 0.02 < loss(two, influence) < 0.12
    assert loss(-two, influence) > 0.85
