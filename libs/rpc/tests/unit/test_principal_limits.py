"""What one proven caller may have of a service, whatever others do."""

from contextlib import suppress
from dataclasses import replace

import pytest
from fp_kernel import Principal, ResourceExhausted
from fp_rpc.access import AccessRule
from fp_rpc.server.principal_limits import PrincipalLimit, PrincipalLimits
from fp_telemetry import Metrics
from hypothesis import given
from hypothesis import strategies as st

RATE, BURST, CROWD, CALLS, CHANGE, TEAM = 10.0, 20, 5, 3, 5, 4
READ, WRITE, PREDICT = (AccessRule(permission=f"models:{action}") for action in ("read", "write", "create"))
ANY = AccessRule()
ANN = Principal("ann", "red", "viewer", frozenset({"models:read"}), expires_at=4e9)
BOB = replace(ANN, user_id="bob", team="blue")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def metrics():
    return Metrics("test")


@pytest.fixture
def enter(clock, metrics):
    """`enter(ANN)`: what a call that ends at once is told; none when it was let in."""
    limits = PrincipalLimits(PrincipalLimit(RATE, CROWD, CALLS), metrics, clock)

    def call(principal, rule=READ, under_way=CROWD):
        try:
            standing = limits.enter(principal, rule, under_way)
        except ResourceExhausted as refused:
            return refused
        if standing is not None:
            standing.calls -= 1
        return None

    call.limits = limits
    return call


def test_nobody_is_held_to_his_rate_where_there_is_room(enter):
    assert [enter(ANN, under_way=CROWD - 1) for _ in range(10 * BURST)] == [None] * 10 * BURST
    assert [enter(ANN) for _ in range(BURST)] == [None] * BURST


def test_in_a_crowd_a_caller_has_his_rate_and_is_told_when_he_has_it_again(enter, clock):
    assert [enter(ANN) for _ in range(BURST)] == [None] * BURST
    refused = enter(ANN)

    assert (refused.reason, refused.retry_after) == ("PRINCIPAL_LIMITED", pytest.approx(1 / RATE))
    assert refused.metadata == {"quota": "rate", "limit": "10"}
    clock.now = refused.retry_after
    assert enter(ANN) is None


def test_another_caller_is_served_beside_one_who_has_his_share(enter):
    while enter(ANN) is None:
        pass

    assert enter(BOB) is None


def test_a_change_costs_five_reads(enter):
    assert [enter(ANN, WRITE) for _ in range(BURST // CHANGE)] == [None] * (BURST // CHANGE)

    assert enter(ANN, READ).retry_after == pytest.approx(1 / RATE)


@pytest.mark.parametrize("rule", [READ, PREDICT, ANY])
def test_other_calls_cost_one(enter, rule):
    assert [enter(ANN, rule) for _ in range(BURST)] == [None] * BURST


def test_a_key_a_job_and_a_login_of_one_user_have_a_share_each(enter):
    while enter(ANN) is None:
        pass

    assert enter(replace(ANN, api_key_id="key-1")) is None
    assert enter(replace(ANN, execution_id="execution-1")) is None


def test_more_keys_give_a_team_no_more_than_four_callers_have(enter):
    served = [enter(replace(ANN, api_key_id=f"key-{number}")) for number in range(2 * TEAM * BURST)]

    assert served.count(None) == TEAM * BURST
    assert {each.metadata["quota"] for each in served if each} == {"team"}
    assert enter(BOB) is None


def test_services_have_no_share(enter):
    service = replace(ANN, user_id="pipeline", role="service", service="pipeline")

    assert [enter(service, WRITE) for _ in range(10 * BURST)] == [None] * 10 * BURST


def test_a_caller_has_a_bounded_number_of_calls_under_way_in_an_empty_house_too(enter):
    held = [enter.limits.enter(ANN, READ, 0) for _ in range(CALLS)]

    refused = enter(ANN, under_way=0)
    assert (refused.reason, refused.metadata) == ("PRINCIPAL_LIMITED", {"quota": "calls", "limit": str(CALLS)})
    assert enter(BOB, under_way=0) is None
    held[0].calls -= 1
    assert enter(ANN, under_way=0) is None


def test_refusals_are_counted_by_what_was_asked_and_what_was_used_up(enter, metrics):
    while enter(ANN) is None:
        pass
    enter(ANN, WRITE)

    counted = {
        kind: metrics.registry.get_sample_value("fp_test_grpc_limited_requests_total", {"kind": kind, "reason": "rate"})
        for kind in ("read", "change")
    }
    assert counted == {"read": 1, "change": 1}


def test_whom_ten_thousand_others_have_followed_is_forgotten(enter):
    while enter(ANN) is None:
        pass
    for number in range(10_000):
        enter(replace(BOB, user_id=f"user-{number}"), under_way=0)

    assert enter(ANN) is None


_CALLS = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from(("ann", "bob", "cyd")), st.booleans(), st.integers(0, 2 * CROWD)),
    max_size=120,
)


@given(_CALLS)
def test_in_a_crowd_nobody_gets_more_than_his_rate_and_what_he_saved(calls):
    clock = Clock()
    limits, had = PrincipalLimits(PrincipalLimit(RATE, CROWD, CALLS), Metrics("test"), clock), {}
    for pause, name, changes, under_way in calls:
        clock.now += pause
        standing = None
        with suppress(ResourceExhausted):
            standing = limits.enter(replace(ANN, user_id=name), WRITE if changes else READ, under_way)
            standing.calls -= 1
        assert standing is not None or under_way >= CROWD
        if standing is not None and under_way >= CROWD:
            had[name] = had.get(name, 0) + (CHANGE if changes else 1)
            assert had[name] <= BURST + RATE * clock.now + 1e-6


@given(_CALLS)
def test_who_asks_no_faster_than_his_rate_is_always_served(calls):
    clock = Clock()
    limits = PrincipalLimits(PrincipalLimit(RATE, CROWD, CALLS), Metrics("test"), clock)
    for pause, name, changes, _ in calls:
        clock.now += pause
        with suppress(ResourceExhausted):
            limits.enter(replace(ANN, user_id=name), WRITE if changes else READ, CROWD).calls -= 1
        clock.now += 1 / RATE
        limits.enter(BOB, READ, CROWD).calls -= 1
