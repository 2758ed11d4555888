"""The newest block against the training data: what breaks is seen at once, and what only moves is not."""

from datetime import timedelta

import numpy as np
import pytest
from fp_monitor.domain import quality
from fp_monitor.domain.baseline import CategoryCells, Distribution, NumericCells
from fp_monitor.domain.counts import layout
from fp_monitor.domain.metric import Severity
from fp_monitor.domain.quality import Block, Signs, binomial_tail, judge, signs, step
from fp_monitor.domain.window import Period
from fp_testkit.wallclock import MOMENT
from scipy.stats import binom

EDGES = tuple(np.linspace(0, 1, 11))
# Deciles between the least and the greatest value: hardly anything lies outside.
HOUR = Distribution("hour", NumericCells(EDGES), (0, *([1_000] * 10), 3, 20))
CARRIER = Distribution("carrier", CategoryCells(("UA", "DL")), (5_000, 5_000, 10, 0))
TEMPERATURE = Distribution("temperature", NumericCells(EDGES[1:-1]), (*([1_000] * 10), 0))
LAYOUT = layout((HOUR, CARRIER, TEMPERATURE))
KNOWN = signs(LAYOUT)
OK, WARNING, CRITICAL = Severity


def block(events):
    """events: (hour, carrier, temperature) each."""
    cells = np.array([LAYOUT.row(each) for each in events], dtype=np.int64)
    opened = Block(MOMENT, Period(MOMENT, MOMENT), 0, np.zeros(LAYOUT.cells, dtype=np.int64))
    return opened.with_(cells, [MOMENT] * len(events))


def usual(random, number=256):
    hours, carriers, temperatures = random.random(number), random.random(number), random.random(number)
    return [
        (float(hour), "UA" if carrier < 0.5 else "DL", float(temperature))
        for hour, carrier, temperature in zip(hours, carriers, temperatures, strict=True)
    ]


def bad(events):
    return {each.name: each.severity for each in judge(KNOWN, block(events)) if each.severity is not OK}


def test_signs_have_names_and_bins_that_the_training_filled_are_none():
    assert [each.name for each in KNOWN] == [
        "hour:missing",
        "hour:out_of_range",
        "carrier:missing",
        "carrier:unseen",
        "temperature:missing",
    ]


@pytest.mark.parametrize(
    ("place", "becomes", "name"),
    [
        (0, lambda _: None, "hour:missing"),
        (0, lambda hour: hour + 5, "hour:out_of_range"),
        (0, lambda hour: hour - 5, "hour:out_of_range"),
        (1, str.lower, "carrier:unseen"),
        (2, lambda _: float("nan"), "temperature:missing"),
    ],
)
def test_what_breaks_is_seen_in_one_block(place, becomes, name):
    events = usual(np.random.default_rng(1))
    assert bad(events) == {}
    broken = [(*each[:place], becomes(each[place]), *each[place + 1 :]) for each in events]
    assert bad(broken) == {name: CRITICAL}
    third = [broken[number] if number % 3 == 0 else each for number, each in enumerate(events)]
    assert bad(third) == {name: WARNING}


def test_the_tail_is_that_of_scipy():
    for hits, number, share in [(3, 10, 0.2), (60, 256, 0.15), (256, 256, 1e-4), (1, 64, 1e-4), (700, 1_000, 0.5)]:
        assert binomial_tail(hits, number, share) == pytest.approx(binom.sf(hits - 1, number, share), rel=1e-9)


def said(*blocks):
    """What each block raises, and what health shows in the end."""
    state, raised = Signs(), []
    for events in blocks:
        state, severity = step(state, judge(KNOWN, block(events)))
        raised.append(severity)
    return raised, state.severity


def test_an_alarm_is_raised_once_by_the_second_block_and_cleared_by_two_good_ones():
    random = np.random.default_rng(2)
    good = usual(random)
    broken = [(None, carrier, temperature) for _, carrier, temperature in good]
    assert said(good, broken, good, broken) == ([OK] * 4, OK)
    assert said(broken, broken, broken, broken) == ([OK, CRITICAL, OK, OK], CRITICAL)
    assert said(broken, broken, good, broken) == ([OK, CRITICAL, OK, OK], CRITICAL)
    assert said(broken, broken, good, good) == ([OK, CRITICAL, OK, OK], OK)
    half = [each if place % 3 else broken[place] for place, each in enumerate(good)]
    assert said(half, half, broken) == ([OK, WARNING, CRITICAL], CRITICAL), "again when it gets worse"


def test_blocks_without_a_break_raise_no_alarm_however_much_neighbours_resemble_each_other():
    """Series with a long memory, at the shares of the training: 4,000 blocks and not one alarm."""
    random, alarms = np.random.default_rng(3), 0
    state, level = Signs(), 0.0
    for _ in range(4_000):
        level = 0.98 * level + random.normal(0, 0.2)
        warm = 1 / (1 + np.exp(-level))
        # Days that are all warm, and two in a hundred hours that are missing, as in the training.
        events = [
            (None if random.random() < 0.002 else hour, carrier, 0.05 + 0.9 * warm)
            for hour, carrier, _ in usual(random, quality.FEWEST)
        ]
        state, severity = step(state, judge(KNOWN, block(events)))
        alarms += severity is not OK
    assert alarms == 0


def test_a_block_is_over_when_it_is_full_or_old_enough_to_say_something():
    small = block(usual(np.random.default_rng(4), 64))
    assert not small.is_over(MOMENT + quality.LONGEST - timedelta(seconds=1))
    assert small.is_over(MOMENT + quality.LONGEST)
    assert not block(usual(np.random.default_rng(4), 63)).is_over(MOMENT + timedelta(days=1))
    assert block(usual(np.random.default_rng(4), 256)).is_over(MOMENT)
