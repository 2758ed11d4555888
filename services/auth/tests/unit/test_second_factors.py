from datetime import UTC, datetime, timedelta

import pytest
from fp_auth.adapters.passcodes import TotpPasscodes
from fp_auth.domain.second_factors import (
    RECOVERY_BYTES,
    STEP_SECONDS,
    good_steps,
    matching_step,
    normal_code,
    recovery_code,
    recovery_hash,
    step_of,
)
from hypothesis import given
from hypothesis import strategies as st

SECRET = b"12345678901234567890"
NOW = datetime(2013, 3, 1, 12, 0, 10, tzinfo=UTC)
STEP = step_of(NOW)
seconds = st.integers(min_value=-600, max_value=600)


def code_of(step: int) -> str:
    return TotpPasscodes().code(SECRET, step)


def test_codes_are_those_of_the_standard():
    """RFC 6238, appendix B: SHA-1, the last six of its eight digits."""
    known = {59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"}
    assert {time: code_of(time // STEP_SECONDS) for time in known} == known


def test_an_app_reads_the_address_with_its_issuer_and_account():
    uri = TotpPasscodes().uri(SECRET, "ada@example.com")
    assert uri.startswith("otpauth://totp/Forgepoint:ada%40example.com?")
    assert {"secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "issuer=Forgepoint"} <= set(uri.partition("?")[2].split("&"))


@given(seconds)
def test_a_code_is_good_in_its_step_and_the_ones_beside_it_and_at_no_other_time(off):
    then = NOW + timedelta(seconds=off)
    found = matching_step(code_of(STEP), good_steps(then, 0), code_of)
    assert (found == STEP) is (abs(step_of(then) - STEP) <= 1)


@given(seconds, seconds)
def test_no_step_is_used_twice_nor_after_a_later_one(first, second):
    used = step_of(NOW + timedelta(seconds=first))
    steps = good_steps(NOW + timedelta(seconds=second), used)
    assert all(step > used for step in steps)
    assert len(steps) <= 3


@pytest.mark.parametrize("typed", ["287 082", " 287082\n", "287-082"])
def test_what_people_type_between_digits_does_not_count(typed):
    assert normal_code(typed) == "287082"


@pytest.mark.parametrize(
    "typed", ["", "28708", "2870822", "28708a", "\u0662\u0668\u0667\u0660\u0668\u0662", "1" * 10_000]
)
def test_what_no_code_can_be_matches_nothing(typed):
    assert normal_code(typed) == ""
    assert matching_step(typed, range(1, 4), code_of) is None
    assert recovery_hash(typed) == b""


@given(st.binary(min_size=RECOVERY_BYTES, max_size=RECOVERY_BYTES))
def test_a_recovery_code_is_known_however_it_is_typed_and_never_taken_for_a_code_of_the_app(entropy):
    code = recovery_code(entropy)
    assert recovery_hash(code) == recovery_hash(code.upper().replace("-", " ")) != b""
    assert matching_step(code, range(1, 4), code_of) is None
