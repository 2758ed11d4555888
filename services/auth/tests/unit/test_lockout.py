from datetime import UTC, datetime, timedelta

import pytest
from fp_auth.domain.lockout import ADDRESS, PAIR, Bucket, LockoutPolicy

POLICY = LockoutPolicy(free=3, pause=timedelta(minutes=1))
NOW = datetime(2013, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def failed(times: int, policy: LockoutPolicy = POLICY) -> Bucket:
    bucket = Bucket()
    for _ in range(times):
        bucket = bucket.counted(policy, NOW)
    return bucket


def test_the_first_failures_cost_nothing():
    assert Bucket().wait(POLICY, NOW) == timedelta(0)
    assert failed(2).wait(POLICY, NOW) == timedelta(0)


@pytest.mark.parametrize(("failures", "minutes"), [(3, 1), (4, 2), (10, 8)])
def test_each_failure_beyond_them_costs_a_pause(failures, minutes):
    assert failed(failures).wait(POLICY, NOW) == minutes * MINUTE


def test_a_failure_leaks_away_with_time_whether_others_follow_or_not():
    """Typos of days once added up, because only an hour without any was forgotten."""
    bucket, now = Bucket(), NOW
    for _ in range(1_000):
        assert bucket.wait(POLICY, now) == timedelta(0)
        bucket, now = bucket.counted(POLICY, now), now + MINUTE
    assert bucket.wait(POLICY, now + 3 * MINUTE) == timedelta(0)


def test_a_right_password_takes_its_own_attempt_out_and_no_other():
    assert failed(5).forgiven(POLICY, NOW) == failed(4)
    assert Bucket().forgiven(POLICY, NOW).wait(POLICY, NOW) == timedelta(0)


def test_a_thousand_guesses_at_one_account_cost_ten_minutes_each_after_the_tenth():
    bucket, now = Bucket(), NOW
    for _ in range(1_000):
        now += bucket.wait(PAIR, now)
        bucket = bucket.counted(PAIR, now)
    assert now - NOW == 990 * timedelta(minutes=10)


def test_an_office_behind_one_address_never_waits():
    """Twenty people, each with three typos every morning of a week, all within a minute of each other."""
    bucket, now = Bucket(), NOW
    for _ in range(5):
        for _ in range(60):
            assert bucket.wait(ADDRESS, now) == timedelta(0)
            bucket, now = bucket.counted(ADDRESS, now), now + timedelta(seconds=1)
        now += timedelta(days=1)
