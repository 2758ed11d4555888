from fp_kernel import RetryBudget
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.booleans(), max_size=300))
def test_retries_never_exceed_what_calls_earned(steps):
    budget, calls, retries = RetryBudget(ratio=0.1, burst=5.0), 0, 0
    for is_call in steps:
        if is_call:
            budget.earn()
            calls += 1
        else:
            retries += budget.spend()

    assert retries <= 5 + calls * 0.1 + 1e-9


def test_saved_retries_are_bounded():
    budget = RetryBudget(ratio=1.0, burst=2.0)
    for _ in range(100):
        budget.earn()

    assert [budget.spend() for _ in range(3)] == [True, True, False]
