"""The decision of a canary."""

from dataclasses import replace

import pytest
from fp_pipeline.domain.canary import Verdict, judge
from fp_pipeline.domain.config import CanaryConfig, NoTraffic
from fp_pipeline.domain.statistics import ANSWERED, NO_ROWS, Counts, bin_of
from hypothesis import given
from hypothesis import strategies as st

RULES = CanaryConfig(
    weight_bps=1_000,
    min_seconds=10,
    min_samples=100,
    max_error_rate=0.05,
    max_p99_ms=200,
    max_latency_ratio=1.5,
    timeout_seconds=60,
)
COUNTS = st.builds(
    lambda good, slow, bad: counts(good, slow=slow, errors=bad),
    st.integers(0, 300),
    st.integers(0, 20),
    st.integers(0, 40),
)
SECONDS = st.floats(0, 120)


def counts(good: int, *, ms: float = 20.0, slow: int = 0, errors: int = 0) -> Counts:
    keys = {(ANSWERED, bin_of(ms)): good, (ANSWERED, bin_of(5_000.0)): slow, ("TIMEOUT", 0): errors}
    return Counts({key: count for key, count in keys.items() if count})


USUAL = counts(1_000)


@pytest.mark.parametrize(
    ("candidate", "incumbent", "seconds", "verdict", "reason"),
    [
        (counts(200), USUAL, 10, Verdict.PROMOTE, "200 requests within the limits"),
        (counts(200), USUAL, 9.9, Verdict.WAIT, "the canary's time is not over"),
        (counts(99), USUAL, 59, Verdict.WAIT, "only 99 of 100 requests reached the version"),
        (counts(99), USUAL, 60, Verdict.REJECT, "only 99 of 100 requests reached the version after 60 s"),
        (counts(0), USUAL, 60, Verdict.REJECT, "only 0 of 100 requests reached the version after 60 s"),
        (counts(200), counts(5), 59, Verdict.WAIT, "only 5 of 100 answers of the other versions to compare with"),
        (counts(189, errors=11), USUAL, 1, Verdict.REJECT, "11 of 200 requests failed, more than 5.00% of 200"),
        (counts(0, errors=6), USUAL, 1, Verdict.REJECT, "6 of 6 requests failed, more than 5.00% of 100"),
        (counts(0, errors=5), USUAL, 1, Verdict.WAIT, "only 5 of 100 requests reached the version"),
        (counts(190, slow=10), USUAL, 10, Verdict.REJECT, "p99 is 5053.5 ms, the limit is 200 ms"),
        (
            counts(200, ms=40),
            USUAL,
            10,
            Verdict.REJECT,
            "p99 is 43.1 ms, more than 1.5 times the 21.5 ms of the others",
        ),
    ],
)
def test_what_is_decided_and_why(candidate, incumbent, seconds, verdict, reason):
    judgement = judge(RULES, candidate, incumbent, seconds)
    assert (judgement.verdict, judgement.reason) == (verdict, reason)


def test_a_config_may_promote_what_nobody_asked():
    rules = replace(RULES, on_no_traffic=NoTraffic.PROMOTE)
    assert judge(rules, Counts(), Counts(), 60).verdict is Verdict.PROMOTE
    assert judge(rules, counts(1, errors=4), USUAL, 60).verdict is Verdict.REJECT, "the little that was seen is bad"
    assert judge(rules, Counts(), Counts(), 59).verdict is Verdict.WAIT


def test_a_version_that_was_seen_to_fail_is_not_promoted_for_want_of_requests():
    rules = replace(RULES, on_no_traffic=NoTraffic.PROMOTE)
    judgement = judge(rules, counts(60, errors=1), USUAL, 60)
    lacking = "only 61 of 100 requests reached the version after 60 s"
    assert (judgement.verdict, judgement.reason) == (Verdict.REJECT, f"1 of 61 requests failed, and {lacking}")


def test_a_version_that_answers_nobody_is_refused_whatever_is_judged():
    rules = replace(RULES, max_error_rate=None)
    judgement = judge(rules, counts(0, errors=100), USUAL, 10)
    assert (judgement.verdict, judgement.reason) == (Verdict.REJECT, "none of 100 requests was answered")


def test_answers_without_rows_are_counted_against_those_of_the_others():
    empty = Counts({(NO_ROWS, bin_of(20)): 60, (ANSWERED, bin_of(20)): 60})
    judgement = judge(RULES, empty, USUAL, 10)
    found = "60 of 120 answers have no rows, of the others 0 of 1000"
    assert (judgement.verdict, judgement.reason) == (Verdict.REJECT, found)
    assert judge(RULES, empty, empty, 10).verdict is Verdict.PROMOTE


LOST = "90 events were lost"


def test_after_a_gap_enough_requests_promote_and_the_want_of_them_never_does():
    rules = replace(RULES, on_no_traffic=NoTraffic.PROMOTE)
    enough = judge(rules, counts(200), USUAL, 10, waited=70, gap=LOST)
    assert (enough.verdict, enough.reason) == (Verdict.PROMOTE, f"200 requests within the limits; {LOST}")
    few = judge(rules, counts(99), USUAL, 10, waited=60, gap=LOST)
    lacking = "only 99 of 100 requests reached the version after 60 s"
    assert (few.verdict, few.reason) == (Verdict.REJECT, f"{lacking}; {LOST}")
    assert judge(rules, counts(99), USUAL, 10, waited=60).verdict is Verdict.PROMOTE


def test_after_a_gap_the_canary_keeps_its_least_time_and_its_longest_wait_is_no_longer():
    early = judge(RULES, counts(200), USUAL, 9.9, waited=70, gap=LOST)
    assert (early.verdict, early.reason) == (Verdict.WAIT, f"the canary's time is not over; {LOST}")
    assert judge(RULES, counts(99), USUAL, 10, waited=59, gap=LOST).verdict is Verdict.WAIT
    assert judge(RULES, counts(99), USUAL, 10, waited=60, gap=LOST).verdict is Verdict.REJECT


@given(COUNTS, COUNTS, SECONDS)
def test_nothing_is_promoted_before_its_time_and_without_its_samples(candidate, incumbent, seconds):
    judgement = judge(RULES, candidate, incumbent, seconds)
    if judgement.verdict is Verdict.PROMOTE:
        assert seconds >= RULES.min_seconds
        assert candidate.samples >= 100
        assert candidate.error_rate <= 0.05
        assert candidate.percentile_ms(0.99) <= min(200, 1.5 * incumbent.percentile_ms(0.99))


@given(COUNTS, COUNTS, st.sampled_from(NoTraffic))
def test_a_canary_always_ends(candidate, incumbent, on_no_traffic):
    rules = replace(RULES, on_no_traffic=on_no_traffic)
    assert judge(rules, candidate, incumbent, 60).verdict is not Verdict.WAIT


@given(COUNTS, COUNTS, SECONDS, st.integers(0, 300))
def test_an_early_refusal_is_never_regretted_while_the_samples_fill_up(candidate, incumbent, seconds, more):
    if judge(RULES, candidate, incumbent, 0).verdict is Verdict.REJECT:
        full = candidate.plus(counts(min(more, max(0, 100 - candidate.samples))))
        assert judge(RULES, full, incumbent, seconds).verdict is Verdict.REJECT


@given(COUNTS, COUNTS, SECONDS, st.integers(1, 50))
def test_more_errors_never_turn_a_refusal_into_a_promotion(candidate, incumbent, seconds, more):
    worse = candidate.plus(counts(0, errors=more))
    if judge(RULES, candidate, incumbent, seconds).verdict is Verdict.REJECT and candidate.samples >= 100:
        assert judge(RULES, worse, incumbent, seconds).verdict is not Verdict.PROMOTE
