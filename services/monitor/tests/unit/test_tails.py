"""Tail probabilities against scipy's."""

import pytest
from fp_monitor.domain.tails import f_tail, incomplete_beta, t_tail
from scipy import special, stats


@pytest.mark.parametrize("value", [1e-3, 0.3, 1.0, 2.5, 40.0, 5_000.0])
@pytest.mark.parametrize(("numerator", "denominator"), [(1, 3), (9, 46.3), (40, 5), (2, 1_000), (250, 1_300)])
def test_the_tail_of_f_equals_scipys(value, numerator, denominator):
    expected = stats.f.sf(value, numerator, denominator)
    assert f_tail(value, numerator, denominator) == pytest.approx(expected, rel=1e-9, abs=1e-14)


@pytest.mark.parametrize("value", [-4.0, -0.5, 0.0, 0.5, 2.0, 12.0])
@pytest.mark.parametrize("freedom", [1.0, 5.14, 60.0])
def test_the_tail_of_t_equals_scipys(value, freedom):
    assert t_tail(value, freedom) == pytest.approx(stats.t.sf(value, freedom), rel=1e-9)


@pytest.mark.parametrize("x", [0.0, 0.01, 0.5, 0.99, 1.0])
def test_the_incomplete_beta_function_equals_scipys(x):
    assert incomplete_beta(x, 2.5, 7.0) == pytest.approx(special.betainc(2.5, 7.0, x), rel=1e-10)


def test_nothing_is_beyond_zero():
    assert f_tail(0.0, 3, 4) == 1.0
