"""PSI, KL and KS against hand-computed values and scipy's."""

import math

import numpy as np
import pytest
from fp_monitor.domain import divergence
from scipy import stats

THEN = (50, 30, 20)
NOW = (20, 30, 50)


def test_the_stability_index_equals_the_value_computed_by_hand():
    # (0.2 - 0.5) ln(0.2/0.5) + 0 + (0.5 - 0.2) ln(0.5/0.2)
    assert divergence.psi(NOW, THEN) == pytest.approx(2 * 0.3 * math.log(2.5), rel=1e-12)


def test_the_divergence_equals_the_value_computed_by_hand():
    assert divergence.kl(NOW, THEN) == pytest.approx(0.2 * math.log(0.4) + 0.5 * math.log(2.5), rel=1e-12)


def test_the_distance_equals_the_value_computed_by_hand():
    assert divergence.ks(NOW, THEN) == pytest.approx(0.3, rel=1e-12)


def test_the_divergence_equals_scipys_entropy():
    generator = np.random.default_rng(1)
    then, now = generator.integers(1, 1_000, 12), generator.integers(1, 1_000, 12)
    assert divergence.kl(now, then) == pytest.approx(stats.entropy(now, then), rel=1e-12)
    both = stats.entropy(now, then) + stats.entropy(then, now)
    assert divergence.psi(now, then) == pytest.approx(both, rel=1e-12)


def test_the_distance_equals_scipys_for_the_same_bins():
    generator = np.random.default_rng(2)
    then, now = generator.integers(0, 200, 10), generator.integers(0, 200, 10)
    expected = stats.ks_2samp(np.repeat(np.arange(10), now), np.repeat(np.arange(10), then)).statistic
    assert divergence.ks(now, then) == pytest.approx(expected, rel=1e-12)


def test_an_unseen_cell_counts_as_half_an_event():
    assert divergence.kl((10, 0), (5, 5)) == pytest.approx(stats.entropy((10, 0.5), (5, 5)), rel=1e-12)
    assert math.isfinite(divergence.psi((10, 0), (0, 10)))


def test_a_cell_that_nobody_has_seen_changes_nothing():
    assert divergence.psi((*NOW, 0), (*THEN, 0)) == divergence.psi(NOW, THEN)


def test_equal_shares_are_no_distance():
    assert divergence.psi((10, 20), (100, 200)) == 0
    assert divergence.kl((10, 20), (100, 200)) == 0
    assert divergence.ks((10, 20), (100, 200)) == 0


def test_an_empty_side_is_no_distance():
    assert divergence.ks((0, 0), (1, 1)) == 0


def test_the_cell_that_moved_most_is_told():
    assert divergence.most_moved(NOW, THEN) == (0.5, 0.2)
