from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fp_auth.domain.api_keys import (
    ApiKey,
    check_overlap,
    key_end,
    key_hash,
    limits_within,
    looks_like_key,
    narrowed,
    parse_key_name,
    raw_key,
    shown_prefix,
)
from fp_kernel import FailedPrecondition, InvalidArgument
from fp_kernel.identity import NO_LIMITS, KeyLimits

NOW = datetime(2013, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = ApiKey(
    id="k", team="alpha", user_id="u", name="", prefix="fp_AAAAA", scopes=frozenset({"models:read"}), created_at=NOW
)


def test_a_raw_key_is_fp_and_43_url_safe_characters():
    raw = raw_key(bytes(range(224, 256)))
    assert len(raw) == 46
    assert looks_like_key(raw)
    assert shown_prefix(raw) == raw[:8]
    assert len(key_hash(raw)) == 32


@pytest.mark.parametrize("raw", ["fp_", "fp_" + "a" * 42, "fp_" + "a" * 44, "fp_" + "+" * 43, "xx_" + "a" * 43])
def test_nothing_else_looks_like_a_key(raw):
    assert not looks_like_key(raw)


def test_too_little_randomness_makes_no_key():
    with pytest.raises(ValueError, match="32"):
        raw_key(b"weak")


def test_a_key_is_valid_until_it_expires_or_is_revoked():
    assert KEY.valid(NOW + 10_000 * HOUR)
    assert not replace(KEY, expires_at=NOW).valid(NOW)
    assert not KEY.revoked(NOW).valid(NOW)


def test_revoking_twice_keeps_the_first_time():
    assert KEY.revoked(NOW).revoked(NOW + HOUR).revoked_at == NOW


def test_a_rotated_key_ends_with_its_overlap():
    assert KEY.replaced("n", NOW, HOUR).expires_at == NOW + HOUR


def test_an_overlap_never_lengthens_the_life_of_a_key():
    short = replace(KEY, expires_at=NOW + HOUR)
    assert short.replaced("n", NOW, 2 * HOUR).expires_at == NOW + HOUR


def test_without_overlap_the_old_key_is_revoked_at_once():
    assert KEY.replaced("n", NOW, timedelta(0)).revoked_at == NOW


def test_a_successor_lives_as_long_as_its_predecessor_was_meant_to():
    assert replace(KEY, expires_at=NOW + 5 * HOUR).renewed_expiry(NOW + 4 * HOUR) == NOW + 9 * HOUR
    assert KEY.renewed_expiry(NOW) is None


@pytest.mark.parametrize(
    "ended", [KEY.revoked(NOW), replace(KEY, expires_at=NOW), replace(KEY, replaced_by="x", expires_at=NOW + HOUR)]
)
def test_a_key_that_ended_or_was_rotated_cannot_be_rotated(ended):
    with pytest.raises(FailedPrecondition):
        ended.replaced("n", NOW, HOUR)


def test_bounds_are_named_by_their_fields():
    with pytest.raises(InvalidArgument, match="overlap"):
        check_overlap(timedelta(days=7, seconds=1))
    with pytest.raises(InvalidArgument, match="overlap"):
        check_overlap(-HOUR)
    with pytest.raises(InvalidArgument, match="expires_at"):
        key_end(NOW, NOW, None)
    with pytest.raises(InvalidArgument, match="name"):
        parse_key_name("x" * 101)


@pytest.mark.parametrize(
    ("own", "wanted", "given"),
    [
        (NO_LIMITS, NO_LIMITS, NO_LIMITS),
        (NO_LIMITS, KeyLimits(50, 2), KeyLimits(50, 2)),
        (KeyLimits(50, 2), NO_LIMITS, KeyLimits(50, 2)),
        (KeyLimits(50, 2), KeyLimits(10, 0), KeyLimits(10, 2)),
    ],
)
def test_a_key_that_is_made_by_a_key_has_no_more_than_that_one(own, wanted, given):
    assert limits_within(own, wanted) == given


@pytest.mark.parametrize(
    ("own", "wanted", "field"),
    [
        (KeyLimits(50, 2), KeyLimits(51, 2), "predictions_per_second"),
        (KeyLimits(50, 2), KeyLimits(50, 3), "predictions_in_flight"),
        (NO_LIMITS, KeyLimits(-1, 0), "predictions_per_second"),
        (NO_LIMITS, KeyLimits(0, -1), "predictions_in_flight"),
    ],
)
def test_limits_that_are_none_or_more_than_ones_own_are_refused(own, wanted, field):
    with pytest.raises(InvalidArgument) as caught:
        limits_within(own, wanted)
    assert caught.value.fields[0].field == field


def test_of_two_limits_the_lower_holds():
    assert narrowed(KeyLimits(10, 0), KeyLimits(50, 2)) == KeyLimits(10, 2)
    assert narrowed(NO_LIMITS, NO_LIMITS) == NO_LIMITS
