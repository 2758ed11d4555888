"""A breaker opens, waits, probes with one call and closes again."""

import pytest
from fp_inference.domain.breaker import Breaker, BreakerPolicy, Permit, State
from hypothesis import given
from hypothesis import strategies as st

_POLICY = BreakerPolicy(failures=5, open_seconds=30.0, successes=2)


def _permit(breaker: Breaker, now: float) -> Permit:
    permit = breaker.allow(now)
    assert permit is not None
    return permit


def _opened(*, unreachable: bool = False) -> Breaker:
    breaker = Breaker(_POLICY, 0.0)
    for _ in range(5):
        breaker.failed(_permit(breaker, 0.0), 0.0, unreachable=unreachable)
    return breaker


def test_five_failures_in_a_row_open_it() -> None:
    breaker = Breaker(_POLICY, 0.0)
    for _ in range(4):
        breaker.failed(_permit(breaker, 0.0), 0.0)
    assert breaker.state is State.CLOSED
    breaker.failed(_permit(breaker, 0.0), 0.0)
    assert breaker.state is State.OPEN
    assert breaker.allow(29.9) is None
    assert breaker.retry_after(10.0) == pytest.approx(20.0)


def test_a_success_between_failures_starts_the_count_again() -> None:
    breaker = Breaker(_POLICY, 0.0)
    for _ in range(20):
        for _ in range(4):
            breaker.failed(_permit(breaker, 0.0), 0.0)
        breaker.succeeded(_permit(breaker, 0.0), 0.0)
    assert breaker.state is State.CLOSED


def test_after_thirty_seconds_one_probe_at_a_time_passes() -> None:
    breaker = _opened()
    probe = _permit(breaker, 30.0)
    assert breaker.state is State.HALF_OPEN
    assert breaker.allow(30.0) is None
    breaker.succeeded(probe, 30.1)
    assert breaker.state is State.HALF_OPEN
    second = _permit(breaker, 30.2)
    assert breaker.allow(30.2) is None
    breaker.succeeded(second, 30.3)
    assert breaker.state is State.CLOSED
    assert breaker.failures == 0


def test_a_probe_that_fails_opens_it_for_another_term() -> None:
    breaker = _opened()
    breaker.failed(_permit(breaker, 30.0), 31.0)
    assert breaker.state is State.OPEN
    assert breaker.allow(60.9) is None
    assert breaker.allow(61.0) is not None


def test_a_probe_that_says_nothing_gives_the_place_to_another() -> None:
    breaker = _opened()
    breaker.returned(_permit(breaker, 30.0))
    assert breaker.allow(30.0) is not None


def test_answers_to_calls_from_before_it_opened_do_not_count() -> None:
    breaker = Breaker(_POLICY, 0.0)
    old = [_permit(breaker, 0.0) for _ in range(7)]
    for permit in old[:5]:
        breaker.failed(permit, 1.0)
    probe = _permit(breaker, 31.0)
    breaker.succeeded(old[5], 31.0)
    breaker.failed(old[6], 31.0)
    assert breaker.state is State.HALF_OPEN
    assert breaker.allow(31.0) is None
    breaker.succeeded(probe, 31.0)
    assert breaker.allow(31.0) is not None


def test_a_target_that_was_unreachable_is_probed_as_soon_as_it_is_seen() -> None:
    breaker = _opened(unreachable=True)
    assert breaker.awaits_return
    breaker.seen(1.0)
    assert breaker.allow(1.0) is not None
    assert breaker.allow(1.0) is None


def test_a_target_that_answered_with_errors_waits_its_whole_term() -> None:
    breaker = _opened()
    assert not breaker.awaits_return
    breaker.seen(1.0)
    assert breaker.allow(1.0) is None


_Step = st.tuples(st.sampled_from(["allow", "succeeded", "failed", "returned", "seen"]), st.floats(0, 40))


@given(st.lists(_Step, max_size=80))
def test_half_open_never_lets_two_calls_through_at_once(steps: list[tuple[str, float]]) -> None:
    breaker = Breaker(_POLICY, 0.0)
    now = 0.0
    out: list[Permit] = []
    for step, seconds in steps:
        now += seconds
        if step == "allow":
            permit = breaker.allow(now)
            if permit is not None:
                out.append(permit)
            assert permit is not None or breaker.state is not State.CLOSED
        elif step == "seen":
            breaker.seen(now)
        elif out:
            permit = out.pop(0)
            if step == "succeeded":
                breaker.succeeded(permit, now)
            elif step == "failed":
                breaker.failed(permit, now)
            else:
                breaker.returned(permit)
        if breaker.state is State.HALF_OPEN:
            assert sum(permit.epoch == breaker._epoch for permit in out) <= 1
        if breaker.state is State.OPEN:
            assert breaker.retry_after(now) <= 30.0
