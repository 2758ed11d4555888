"""Counting requests: any order, any cut, and a percentile that is never too low."""

import math
from datetime import UTC, datetime, timedelta

from fp_pipeline.domain.statistics import ANSWERED, Counts, Try, bin_of, bucketed, minute, total, upper_ms
from hypothesis import given
from hypothesis import strategies as st

START = datetime(2013, 3, 1, 12, 30, tzinfo=UTC)
LATENCIES = st.floats(min_value=0.0, max_value=100_000.0)
OUTCOMES = st.sampled_from([ANSWERED, "TIMEOUT", "UPSTREAM_ERROR", "INVALID_INPUT", "RATE_LIMITED"])
COUNTS = st.dictionaries(st.tuples(OUTCOMES, st.integers(0, 160)), st.integers(1, 1_000)).map(Counts)


def request(number: int, outcome: str, latency: float) -> Try:
    return Try(f"e{number}", "alpha", "delays", "1", START + timedelta(seconds=number), outcome, latency)


@given(st.lists(LATENCIES, min_size=1))
def test_a_percentile_is_at_least_the_true_one_and_at_most_a_tenth_above(latencies):
    counted = Counts()
    for latency in latencies:
        counted = counted.plus(Counts({(ANSWERED, bin_of(latency)): 1}))
    true = sorted(latencies)[math.ceil(0.99 * len(latencies)) - 1]
    found = counted.percentile_ms(0.99)
    assert found >= true * (1 - 1e-9)
    assert found <= max(true * 1.1, 0.1)


@given(st.floats(min_value=-1.0, max_value=1e12))
def test_every_latency_has_a_bin(latency):
    assert 0 <= bin_of(latency) <= 160


def test_a_latency_that_is_no_number_does_not_stop_the_counting():
    assert bin_of(math.nan) == 0
    assert bin_of(math.inf) == 160
    assert upper_ms(160) > 100_000


@given(COUNTS, COUNTS, COUNTS)
def test_counts_add_up_in_any_order(first, second, third):
    one = total([first, second, third])
    other = total([third, first, second])
    assert (one.samples, one.errors, one.by_key) == (other.samples, other.errors, other.by_key)
    assert one.minus(first).minus(second).by_key == third.by_key


@given(st.lists(st.tuples(OUTCOMES, LATENCIES), max_size=60), st.integers(0, 60))
def test_a_batch_cut_in_two_counts_the_same(given_requests, cut):
    requests = [request(number, *each) for number, each in enumerate(given_requests)]
    whole = bucketed(requests)
    halves = [bucketed(requests[:cut]), bucketed(requests[cut:])]
    assert whole == {key: sum(half.get(key, 0) for half in halves) for key in whole}
    assert sum(whole.values()) == len(requests)


def test_what_a_caller_did_wrong_is_no_error_of_the_version():
    counts = Counts({(ANSWERED, 3): 7, ("TIMEOUT", 0): 3, ("INVALID_INPUT", 0): 50, ("QUOTA_EXCEEDED", 0): 9})
    assert (counts.samples, counts.errors, counts.error_rate) == (10, 3, 0.3)
    assert minute(START + timedelta(seconds=59.9)) == START
