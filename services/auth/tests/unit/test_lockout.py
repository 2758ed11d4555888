from datetime import UTC, datetime, timedelta

import pytest
from fp_auth.domain.lockout import Attempts, LockoutPolicy, address_of

POLICY = LockoutPolicy(
    free=3, first_delay=timedelta(seconds=2), longest_delay=timedelta(seconds=60), forget_after=timedelta(hours=1)
)
NOW = datetime(2013, 3, 1, 12, tzinfo=UTC)


def failed(times: int, now: datetime = NOW) -> Attempts:
    attempts = Attempts()
    for _ in range(times):
        attempts = attempts.counted(POLICY, now)
    return attempts


def test_the_first_failures_cost_nothing():
    assert failed(2).wait(NOW) == timedelta(0)


@pytest.mark.parametrize(("failures", "seconds"), [(3, 2), (4, 4), (5, 8), (6, 16), (7, 32), (8, 60), (900, 60)])
def test_the_delay_doubles_with_each_failure_up_to_its_longest(failures, seconds):
    assert failed(failures).wait(NOW) == timedelta(seconds=seconds)


def test_the_lock_ends_by_itself():
    attempts = failed(3)
    assert attempts.wait(NOW + timedelta(seconds=1)) == timedelta(seconds=1)
    assert attempts.wait(NOW + timedelta(seconds=3)) == timedelta(0)


def test_old_failures_are_forgotten_after_a_quiet_time():
    later = failed(900).counted(POLICY, NOW + timedelta(hours=1, seconds=1))
    assert later.failures == 1
    assert later.wait(NOW) == timedelta(0)


def test_a_right_password_takes_back_its_own_attempt_and_no_other():
    attempts = failed(5).forgiven(POLICY)
    assert attempts.failures == 4
    assert attempts.wait(NOW) > timedelta(0)


def test_a_right_password_below_the_limit_leaves_no_lock():
    assert failed(3).forgiven(POLICY).wait(NOW) == timedelta(0)


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix", ""),
        ("", ""),
    ],
)
def test_failures_are_counted_for_an_address_that_one_client_owns(text, counted):
    assert address_of(text) == counted
