"""A silence is a target's fault by its own measure."""

import pytest
from fp_inference.domain.pace import Pace, SlowPolicy, slow_after
from hypothesis import given
from hypothesis import strategies as st

_POLICY = SlowPolicy(factor=4.0, least=0.05, unknown=1.0, answers=50)


def _pace(seconds: float, answers: int = 100) -> Pace:
    pace = Pace()
    for _ in range(answers):
        pace.answered(seconds)
    return pace


def test_a_target_that_answers_in_20_ms_is_slow_after_80() -> None:
    assert slow_after(_POLICY, _pace(0.02), []) == pytest.approx(0.08, rel=0.2)


def test_a_quick_target_is_given_a_least_time() -> None:
    assert slow_after(_POLICY, _pace(0.0005), []) == 0.05


def test_a_slow_target_may_take_long() -> None:
    assert slow_after(_POLICY, _pace(0.6), []) == pytest.approx(2.4, rel=0.2)


def test_a_target_that_hardly_answered_is_judged_by_the_slowest_other() -> None:
    assert slow_after(_POLICY, _pace(9.0, answers=3), [_pace(0.02), _pace(0.1)]) == pytest.approx(0.4, rel=0.2)


def test_where_nothing_is_known_the_least_certain_measure_holds() -> None:
    assert slow_after(_POLICY, Pace(), [Pace()]) == 1.0


def test_what_is_long_ago_fades() -> None:
    pace = _pace(1.0, 4_000)
    for _ in range(40_000):
        pace.answered(0.01)
    assert slow_after(_POLICY, pace, []) == pytest.approx(0.05, rel=0.2)


@given(st.lists(st.floats(1e-5, 90.0), min_size=50, max_size=400))
def test_the_p99_is_at_most_a_bin_too_high(answers: list[float]) -> None:
    pace = Pace()
    for seconds in answers:
        pace.answered(seconds)
    exact = sorted(answers)[-1 - int(len(answers) * 0.01)]
    found = pace.p99(50)
    assert found is not None
    assert max(exact, 1e-4) <= found * 1.0001
    assert found <= max(exact, 1e-4) * 1.19
