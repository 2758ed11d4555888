"""Windows are merged in any order, and stay as large as their bins."""

import math

import numpy as np
import pytest
from fp_monitor.domain.baseline import CategoryCells, Distribution, NumericCells
from fp_monitor.domain.counts import MAX_BLOCKS, count, empty, layout, merge
from fp_testkit.examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

CELLS = 7

events = st.lists(st.integers(0, CELLS - 1), min_size=1, max_size=300)
pieces = st.lists(st.tuples(st.integers(0, 2_000), events), min_size=1, max_size=6)


def counted(first, cells):
    return count(first, np.array(cells, dtype=np.int64).reshape(-1, 1), CELLS)


def together(parts):
    result = empty(CELLS)
    for part in parts:
        result = merge(result, part)
    return result


@settings(deadline=None, max_examples=examples(20))
@given(pieces, st.randoms())
def test_the_order_of_merging_does_not_matter(given_pieces, random):
    parts = [counted(first, cells) for first, cells in given_pieces]
    shuffled = random.sample(parts, len(parts))
    assert together(parts) == together(shuffled)


@settings(deadline=None, max_examples=examples(20))
@given(pieces, pieces, pieces)
def test_merging_is_associative_and_commutative(one, two, three):
    a, b, c = (together(counted(first, cells) for first, cells in each) for each in (one, two, three))
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(a, b) == merge(b, a)


@settings(deadline=None, max_examples=examples(20))
@given(events, st.integers(1, 299))
def test_a_window_counted_in_two_pieces_is_the_window_counted_at_once(cells, cut):
    left, right = cells[:cut], cells[cut:]
    parts = [counted(0, left)] + ([counted(len(left), right)] if right else [])
    assert together(parts) == counted(0, cells)


@settings(deadline=None, max_examples=examples(20))
@given(events)
def test_totals_are_the_bin_counts(cells):
    assert counted(0, cells).totals.tolist() == np.bincount(cells, minlength=CELLS).tolist()


def test_memory_follows_the_bins_and_not_the_events():
    counts = empty(CELLS)
    for first in range(0, 100_000, 500):
        counts = merge(counts, counted(first, [first % CELLS] * 500))
    assert len(counts.blocks) <= MAX_BLOCKS
    assert counts.totals.sum() == 100_000
    assert counts.length == 4_096


def test_values_fall_into_the_baselines_own_cells():
    hour = Distribution("hour", NumericCells((5.0, 10.0)), (1, 1, 1, 0))
    carrier = Distribution("carrier", CategoryCells(("UA", "DL")), (1, 1, 0, 0))
    cells = layout((hour, carrier))
    assert cells.cells == 8
    assert cells.row([5.0, "UA"]) == [0, 4]  # an edge belongs to the bin below it
    assert cells.row([5.1, "DL"]) == [1, 5]
    assert cells.row([float("inf"), "#99"]) == [2, 6]
    assert cells.row([None, None]) == [3, 7]
    assert cells.row([float("nan"), 3.0]) == [3, 6]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (1234567.0, 0),
        (1234568.0, 1),
        (9007199254740991.0, 2),
        (0.10000000149011612, 3),
        (1234569.0, 4),
        ("1234567", 0),
        (math.nan, 5),
        (None, 5),
    ],
)
def test_a_number_that_names_a_category_keeps_its_digits(value, cell):
    cells = CategoryCells(("1234567", "1234568", "9007199254740991", "0.1"))
    assert cells.of(value) == cell
