"""Tail probabilities, for which a statistics library would be a large guest in a small process."""

import math

_TINY = 1e-300
_PRECISE = 1e-15
_TERMS = 10_000


def f_tail(value: float, numerator: float, denominator: float) -> float:
    """P(F > value) of the F distribution with these degrees of freedom."""
    if value <= 0:
        return 1.0
    return incomplete_beta(denominator / (denominator + numerator * value), denominator / 2, numerator / 2)


def t_tail(value: float, freedom: float) -> float:
    """P(T > value) of Student's t distribution."""
    half = f_tail(value * value, 1.0, freedom) / 2
    return half if value >= 0 else 1.0 - half


def incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (modified Lentz)."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    # The fraction is quick on one side of the mean only; the other side is its mirror.
    if x > (a + 1) / (a + b + 2):
        return 1.0 - incomplete_beta(1 - x, b, a)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(front) / (a * _fraction(x, a, b))


def _fraction(x: float, a: float, b: float) -> float:
    value, c, d = 1.0, 1.0, 0.0
    for term in range(_TERMS):
        m = term // 2
        if term == 0:
            step = 1.0
        elif term % 2 == 0:
            step = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            step = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        if term:
            d = 1.0 / _away_from_zero(1 + step * d)
            c = _away_from_zero(1 + step / c)
            value *= c * d
            if abs(c * d - 1) < _PRECISE:
                break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
