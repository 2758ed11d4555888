"""Buckets never give more than rate and burst allow."""

import pytest
from fp_kernel.bucket import Bucket, Limit
from hypothesis import given
from hypothesis import strategies as st

_LIMIT = Limit(rate=100.0, burst=200)


def test_a_full_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = Bucket(_LIMIT, 0.0)
    assert bucket.take(200, 200, 0.0).tokens == 200
    refused = bucket.take(1, 1, 0.0)
    assert refused.tokens == 0
    assert refused.retry_after == pytest.approx(0.01)
    assert bucket.take(1, 1, 0.011).tokens == 1


def test_what_there_is_is_given_when_it_is_enough() -> None:
    bucket = Bucket(_LIMIT, 0.0)
    assert bucket.take(1, 150, 0.0).tokens == 150
    assert bucket.take(1, 150, 0.0).tokens == 50


def test_a_cost_beyond_the_burst_is_owed_by_a_full_bucket() -> None:
    bucket = Bucket(_LIMIT, 0.0)
    paid = bucket.take(250, 250, 0.0)
    assert (paid.tokens, paid.left) == (250, -50.0)
    assert bucket.take(250, 250, 0.4).retry_after == pytest.approx(2.1)
    assert bucket.take(1, 1, 0.52).tokens == 1


def test_a_clock_that_stands_still_or_goes_back_gives_nothing() -> None:
    bucket = Bucket(_LIMIT, 10.0)
    bucket.take(200, 200, 10.0)
    assert bucket.take(1, 1, 9.0).tokens == 0


def test_what_comes_back_may_be_spent_again_and_what_is_owed_must_be_earned() -> None:
    bucket = Bucket(_LIMIT, 0.0)
    assert bucket.pay(200, 0.0) == 0.0
    bucket.add(2, 0.0)
    assert [bucket.pay(1, 0.0) for _ in range(2)] == [0.0, 0.0]
    bucket.add(-10, 0.0)
    assert bucket.pay(1, 0.0) == pytest.approx(0.11)


def test_what_comes_back_to_a_full_bucket_is_gone() -> None:
    bucket = Bucket(_LIMIT, 0.0)
    bucket.add(50, 0.0)
    assert bucket.take(200, 400, 0.0).tokens == 200


_STEPS = st.lists(st.tuples(st.floats(0, 2), st.integers(1, 50)), max_size=60)


@given(_STEPS)
def test_who_waits_as_long_as_he_is_told_is_served_and_not_before(steps: list[tuple[float, int]]) -> None:
    bucket, now = Bucket(_LIMIT, 0.0), 0.0
    for seconds, cost in steps:
        now += seconds
        wait = bucket.pay(cost, now)
        if wait:
            assert bucket.pay(cost, now + wait * 0.9) > 0
            now += wait + 1e-6
            assert bucket.pay(cost, now) == 0


@given(_STEPS)
def test_to_pay_is_to_take_as_much_as_one_asks_for(steps: list[tuple[float, int]]) -> None:
    paying, taking, now = Bucket(_LIMIT, 0.0), Bucket(_LIMIT, 0.0), 0.0
    for seconds, cost in steps:
        now += seconds
        assert paying.pay(cost, now) == taking.take(cost, cost, now).retry_after


@given(st.lists(st.tuples(st.floats(0, 2), st.integers(1, 50), st.integers(0, 50)), max_size=60))
def test_the_sum_given_never_exceeds_burst_and_time(steps: list[tuple[float, int, int]]) -> None:
    bucket = Bucket(_LIMIT, 0.0)
    now, given_out = 0.0, 0
    for seconds, least, more in steps:
        now += seconds
        grant = bucket.take(least, least + more, now)
        assert grant.tokens == 0 or least <= grant.tokens <= least + more
        assert (grant.retry_after > 0) == (grant.tokens == 0)
        given_out += grant.tokens
        assert given_out <= _LIMIT.burst + now * _LIMIT.rate + 1e-6
