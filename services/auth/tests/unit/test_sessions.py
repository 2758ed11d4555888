from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fp_auth.domain.sessions import RefreshToken, SessionPolicy, Verdict, judge, raw_token

NOW = datetime(2013, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TOKEN = RefreshToken("f", "u", family_started=NOW, family_ends=NOW + 90 * DAY, expires_at=NOW + 30 * DAY)


def test_a_fresh_token_is_good_and_an_old_one_is_not():
    assert judge(TOKEN, NOW) is Verdict.GOOD
    assert judge(TOKEN, NOW + 30 * DAY) is Verdict.DEAD


def test_a_spent_token_was_copied():
    assert judge(replace(TOKEN, spent_at=NOW), NOW) is Verdict.REUSED


def test_a_spent_token_is_replaced_once_more_for_a_moment_while_no_successor_was_used():
    spent = replace(TOKEN, spent_at=NOW, replaceable=True)
    grace = timedelta(seconds=30)
    assert judge(spent, NOW + timedelta(seconds=29), grace) is Verdict.GOOD
    assert judge(spent, NOW + grace, grace) is Verdict.REUSED
    assert judge(spent, NOW, timedelta(0)) is Verdict.REUSED
    assert judge(replace(spent, replaceable=False), NOW, grace) is Verdict.REUSED
    assert judge(replace(spent, ended_at=NOW), NOW, grace) is Verdict.DEAD


def test_a_spent_token_that_comes_after_its_expiry_still_tells_of_a_copy():
    assert judge(replace(TOKEN, spent_at=NOW), NOW + 40 * DAY) is Verdict.REUSED


def test_a_family_that_ended_does_not_end_twice():
    assert judge(replace(TOKEN, spent_at=NOW, ended_at=NOW), NOW) is Verdict.DEAD


def test_a_session_in_use_ends_with_its_longest_life():
    policy = SessionPolicy(idle=30 * DAY, longest=90 * DAY)
    far = NOW + 1_000 * DAY
    assert policy.token_ends(NOW, far, NOW) == NOW + 30 * DAY
    assert policy.token_ends(NOW, far, NOW + 80 * DAY) == NOW + 90 * DAY
    assert policy.token_ends(NOW, NOW + 2 * DAY, NOW + DAY) == NOW + 2 * DAY


def test_a_refresh_token_is_never_taken_for_an_api_key():
    assert not raw_token(bytes(32)).startswith("fp_")
