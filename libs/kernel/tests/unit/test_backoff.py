import pytest
from fp_kernel import Backoff
from hypothesis import given
from hypothesis import strategies as st

SECONDS = st.floats(min_value=0.001, max_value=10.0)


def test_a_delay_doubles_from_failure_to_failure_up_to_the_longest():
    backoff = Backoff(first=0.5, longest=3.0)

    assert [backoff.delay(attempt, 1.0) for attempt in (1, 2, 3, 4, 5)] == [0.5, 1.0, 2.0, 3.0, 3.0]


@given(SECONDS, st.integers(min_value=1, max_value=10**9), st.floats(min_value=0.0, max_value=1.0))
def test_chance_takes_no_more_than_its_share_and_no_attempt_is_too_many(first, attempt, roll):
    backoff = Backoff(first=first, longest=20.0, spread=0.25)

    assert 0.75 * first <= backoff.delay(attempt, roll) <= 20.0
    assert backoff.delay(attempt, 0.0) == pytest.approx(0.75 * backoff.delay(attempt, 1.0))


@pytest.mark.parametrize(
    "wrong", [{"first": -1.0}, {"first": 2.0, "longest": 1.0}, {"factor": 0.5}, {"spread": -0.1}, {"spread": 1.5}]
)
def test_a_policy_that_does_not_grow_is_refused(wrong):
    with pytest.raises(ValueError, match="no growing delay"):
        Backoff(**wrong)
