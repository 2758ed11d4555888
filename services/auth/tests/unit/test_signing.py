from datetime import UTC, datetime, timedelta

from fp_auth.domain.signing import NEWEST, KeyLife, Rotation, SigningPolicy, rotation_due

NOW = datetime(2013, 3, 1, tzinfo=UTC)
POLICY = SigningPolicy(period=timedelta(days=30), lead=timedelta(minutes=10), verify_for=timedelta(hours=25))
DAY = timedelta(days=1)


def test_an_empty_database_gets_two_keys_and_the_first_one_signs():
    assert rotation_due([], NOW, POLICY) == Rotation(create=2, promote=NEWEST)


def test_a_lone_waiting_key_signs_and_gets_a_successor():
    assert rotation_due([KeyLife("a", NOW)], NOW, POLICY) == Rotation(create=1, promote="a")


def test_a_lone_signing_key_gets_a_successor():
    assert rotation_due([KeyLife("a", NOW, signs_from=NOW)], NOW, POLICY) == Rotation(create=1)


def test_nothing_happens_within_the_period():
    keys = [KeyLife("a", NOW, signs_from=NOW), KeyLife("b", NOW)]
    assert not rotation_due(keys, NOW + 29 * DAY, POLICY).needed


def test_after_the_period_the_waiting_key_takes_over():
    keys = [KeyLife("a", NOW, signs_from=NOW), KeyLife("b", NOW)]
    assert rotation_due(keys, NOW + 30 * DAY, POLICY) == Rotation(create=1, promote="b", retire="a")


def test_a_key_that_nobody_can_have_seen_does_not_sign_yet():
    later = NOW + 30 * DAY
    keys = [KeyLife("a", NOW, signs_from=NOW), KeyLife("b", later - timedelta(minutes=9))]
    assert not rotation_due(keys, later, POLICY).needed


def test_a_retired_key_verifies_until_the_last_token_it_signed_has_ended():
    living = [KeyLife("b", NOW, signs_from=NOW), KeyLife("c", NOW)]
    retired = KeyLife("a", NOW - 30 * DAY, signs_from=NOW - 30 * DAY, retired_at=NOW)
    assert not rotation_due([retired, *living], NOW + timedelta(hours=24), POLICY).needed
    assert rotation_due([retired, *living], NOW + timedelta(hours=25), POLICY) == Rotation(drop=("a",))
