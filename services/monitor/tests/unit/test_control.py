"""The control: real flights of the training months raise no alarm, and the seasons do."""

import numpy as np
import pytest
from fp_flights import data, profile, training
from fp_monitor.adapters.profiles import baseline_from
from fp_monitor.domain import drift, performance, quality
from fp_monitor.domain.counts import count, layout
from fp_monitor.domain.hysteresis import Level, step
from fp_monitor.domain.metric import DriftKind, Severity
from fp_monitor.domain.performance import Outcomes
from fp_monitor.domain.thresholds import DEFAULTS
from fp_monitor.domain.window import Period
from fp_testkit.wallclock import MOMENT
from sklearn.metrics import log_loss, roc_auc_score
from threadpoolctl import threadpool_limits

STRIDE = 4
WEEK = 1_500  # flights of a week, at this stride
DATA, PREDICTION, PERFORMANCE = ([each] for each in DEFAULTS)


@pytest.fixture(scope="module")
def world():
    """The winter model, its profile with held-out metrics, and every flight's score."""
    flights = data.load().with_outcome()
    winter = flights.months(1, 2)
    held = winter.held_out()
    # With more threads than free cores they wait for each other most of the time.
    with threadpool_limits(1):
        model = training.train(winter.where(~held))
        scores = training.late_probability(model, flights.features)
    in_winter = np.isin(flights.scheduled.astype("datetime64[M]").astype(int) % 12, (0, 1))
    winter_scores = scores[in_winter]
    metrics = {
        "auc": float(roc_auc_score(winter.late[held], winter_scores[held])),
        "log_loss": float(log_loss(winter.late[held], winter_scores[held])),
    }
    known = profile.baseline(winter.where(~held), winter_scores[~held], np.zeros(12), metrics)
    baseline = baseline_from("1", known.SerializeToString())
    return flights, scores, in_winter, held, baseline


def rows(baseline, flights, scores, answers):
    """Cells of each flight, as its event would tell it."""
    if answers:
        known = layout(baseline.answers)
        said = [[float(score), "late" if score > profile.CUT else "on_time"] for score in scores]
        return known, np.array([known.row(each) for each in said])
    known = layout(baseline.features)
    names = [feature.name for feature in baseline.features]
    columns = [
        [profile.CATEGORIES[name][int(value)] for value in flights.features[:, index]]
        if name in profile.CATEGORIES
        else flights.features[:, index].astype(float).tolist()
        for index, name in enumerate(names)
    ]
    return known, np.array([known.row(each) for each in zip(*columns, strict=True)])


def replay(world, chosen, size=WEEK):
    """What the reports of each kind say, window by window."""
    flights, scores, _, _, baseline = world
    places = np.flatnonzero(chosen)[::STRIDE]
    flights, scores = flights.where(places), scores[places]
    said = {kind: [] for kind in DriftKind}
    levels = dict.fromkeys(DriftKind, Level())
    inputs, answers = rows(baseline, flights, scores, False), rows(baseline, flights, scores, True)
    for first in range(0, len(places) - size + 1, size):
        window = slice(first, first + size)
        late, score = flights.late[window].astype(float), scores[window]
        outcomes = Outcomes(baseline.labels, late, (score > profile.CUT).astype(np.int64), score)
        judged = {
            DriftKind.DATA: drift.judge(inputs[0], count(0, inputs[1][window], inputs[0].cells), DATA),
            DriftKind.PREDICTION: drift.judge(answers[0], count(0, answers[1][window], answers[0].cells), PREDICTION),
            DriftKind.PERFORMANCE: performance.judge(outcomes, baseline.metrics, PERFORMANCE),
        }
        for kind, metrics in judged.items():
            levels[kind], severity = step(levels[kind], kind, metrics)
            said[kind].append(severity)
    return said


def test_held_out_weeks_of_the_training_months_raise_no_alarm(world):
    _, _, in_winter, held, _ = world
    chosen = in_winter.copy()
    chosen[in_winter] = held
    said = replay(world, chosen)
    assert {len(each) for each in said.values()} == {2}
    assert {severity for each in said.values() for severity in each} == {Severity.OK}


@pytest.mark.parametrize("size", [WEEK, 2 * WEEK])
def test_the_training_weeks_themselves_raise_no_alarm(world, size):
    _, _, in_winter, held, _ = world
    chosen = in_winter.copy()
    chosen[in_winter] = ~held
    said = replay(world, chosen, size)
    assert {severity for each in said.values() for severity in each} == {Severity.OK}


def test_shuffled_training_flights_raise_no_alarm(world):
    flights, scores, in_winter, held, baseline = world
    known = np.flatnonzero(in_winter)[~held]
    drawn = np.random.default_rng(0).permutation(known)[: 20 * WEEK]
    layouts = rows(baseline, flights.where(drawn), scores[drawn], False)
    for first in range(0, len(drawn), WEEK):
        counts = count(0, layouts[1][first : first + WEEK], layouts[0].cells)
        assert max(each.severity for each in drift.judge(layouts[0], counts, DATA)) is Severity.OK


def test_no_flight_of_the_winter_looks_like_a_break(world):
    flights, scores, in_winter, _, baseline = world
    places = np.flatnonzero(in_winter)
    known, cells = rows(baseline, flights.where(places), scores[places], False)
    signs, state, raised = quality.signs(known), quality.Signs(), set()
    for first in range(0, len(places) - quality.BLOCK + 1, quality.BLOCK):
        block = quality.Block(MOMENT, Period(MOMENT, MOMENT), 0, np.zeros(known.cells, dtype=np.int64))
        block = block.with_(cells[first : first + quality.BLOCK], [])
        state, severity = quality.step(state, quality.judge(signs, block))
        raised.add(severity)
    assert raised == {Severity.OK}


def test_the_seasons_are_found_and_most_of_them_do_no_harm(world):
    flights = world[0]
    month = flights.scheduled.astype("datetime64[M]").astype(int) % 12 + 1
    said = replay(world, (month > 2) & (month < 10))
    alarms = [index for index, each in enumerate(said[DriftKind.DATA]) if each > Severity.OK]
    assert 2 <= alarms[0] <= 10, "spring is found by its temperatures"
    assert alarms[1:] == list(range(alarms[1], len(said[DriftKind.DATA]))), "and the summer stays another world"
    harm = [index for index, each in enumerate(said[DriftKind.PERFORMANCE]) if each is Severity.CRITICAL]
    assert 1 <= len(harm) < len(said[DriftKind.PERFORMANCE]) / 4, "the winter model does lose, in few of the weeks"
