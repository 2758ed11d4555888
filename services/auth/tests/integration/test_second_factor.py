"""Logins with a second factor, on real stores."""

import asyncio
from datetime import timedelta

import pytest
from auth_second_factor import EMAIL, HERE, PASSWORD, begin, status, turn_on
from fp_auth.domain.lockout import PAIR, LockoutPolicy
from fp_kernel import (
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    new_id,
)


@pytest.fixture
async def ada(world):
    return await turn_on(world)


async def test_a_login_needs_the_password_and_a_code(ada, refused):
    with refused(Unauthenticated, reason="SECOND_FACTOR_REQUIRED"):
        await ada.login()
    with refused(Unauthenticated, reason="WRONG_CREDENTIALS"):
        await ada.login(ada.code(), password="not-the-password")
    assert (await ada.login(ada.code())).user.id == ada.user.id


async def test_a_code_is_good_once(ada, refused):
    code = ada.code()
    await ada.login(code)
    with refused(Unauthenticated, reason="SECOND_FACTOR_WRONG"):
        await ada.login(code)
    with refused(Unauthenticated, reason="SECOND_FACTOR_WRONG"):
        await ada.login(ada.code(steps=-1))
    ada.later()
    await ada.login(ada.code())


async def test_the_code_that_confirmed_it_opens_no_session(world, refused):
    person = await begin(world)
    code = person.code()
    await world.do.confirm_second_factor(person.caller, code)
    with refused(Unauthenticated, reason="SECOND_FACTOR_WRONG"):
        await person.login(code)


@pytest.mark.parametrize("kind", ["app", "recovery"])
async def test_a_code_that_comes_twice_at_once_opens_one_session(ada, kind):
    """Two replicas share nothing but the database."""
    code = ada.code() if kind == "app" else ada.recovery[0]
    results = await asyncio.gather(*(ada.login(code) for _ in range(6)), return_exceptions=True)
    refusals = [each for each in results if isinstance(each, Unauthenticated)]
    assert len(refusals) == 5, results
    assert {each.reason for each in refusals} == {"SECOND_FACTOR_WRONG"}


async def test_a_recovery_code_stands_for_a_code_once(world, ada, refused):
    assert len(set(ada.recovery)) == 10
    await ada.login(ada.recovery[0].upper())
    with refused(Unauthenticated, reason="SECOND_FACTOR_WRONG"):
        await ada.login(ada.recovery[0])
    assert (await status(world, ada)).recovery_codes_left == 9


async def test_new_recovery_codes_end_those_of_before(world, ada, refused):
    fresh = await world.do.renew_recovery_codes(ada.caller, password=PASSWORD, code="", **HERE)
    assert not set(fresh) & set(ada.recovery)
    with refused(Unauthenticated, reason="SECOND_FACTOR_WRONG"):
        await ada.login(ada.recovery[0])
    await ada.login(fresh[0])


async def test_wrong_codes_are_counted_with_wrong_passwords(ada, refused):
    for number in range(PAIR.free):
        with refused(Unauthenticated, reason="SECOND_FACTOR_WRONG" if number % 2 else "WRONG_CREDENTIALS"):
            await ada.login("no code", password=PASSWORD if number % 2 else "not-the-password")
    with refused(ResourceExhausted, reason="LOGIN_LOCKED"):
        await ada.login(ada.code())
    ada.world.clock.advance(PAIR.pause.total_seconds())
    await ada.login(ada.code())


async def test_who_has_the_password_does_not_start_the_count_anew_by_it(ada, refused):
    for _ in range(PAIR.free):
        with refused(Unauthenticated, reason="SECOND_FACTOR_REQUIRED"):
            await ada.login()
        with refused(Unauthenticated, reason="SECOND_FACTOR_WRONG"):
            await ada.login("no code")
    with refused(ResourceExhausted, reason="LOGIN_LOCKED"):
        await ada.login()


async def test_who_has_the_password_guesses_no_more_codes_from_many_addresses(ada, refused):
    for number in range(PAIR.free):
        with refused(Unauthenticated, reason="SECOND_FACTOR_WRONG"):
            await ada.login("no code", address=f"198.51.100.{number}")
    with refused(ResourceExhausted, reason="LOGIN_LOCKED"):
        await ada.login("no code", address="198.51.100.99")


async def test_two_steps_of_a_login_never_make_colleagues_wait(world, refused):
    """The step without a code once counted as a failure of the whole office's address."""
    world.count_by(address_policy=LockoutPolicy(free=3, pause=timedelta(hours=1)))
    ada = await turn_on(world)
    for _ in range(10):
        with refused(Unauthenticated, reason="SECOND_FACTOR_REQUIRED"):
            await ada.login()
        await ada.login(ada.code())
        ada.later()


async def test_the_second_step_needs_no_password_again_for_five_minutes(ada, refused):
    proof = await proof_of(ada, refused)
    with refused(Unauthenticated, reason="SECOND_FACTOR_REQUIRED"):
        await ada.login(proof=proof, password="")
    assert (await ada.login(ada.code(), proof=proof, password="")).user.id == ada.user.id
    ada.world.clock.advance(timedelta(minutes=5).total_seconds())
    with refused(Unauthenticated, reason="PASSWORD_PROOF_OVER"):
        await ada.login(ada.code(), proof=proof, password="")


@pytest.mark.parametrize("made_up", ["x", "AAAA", "AX" * 90])
async def test_nobody_makes_a_proof_of_a_password_himself(ada, refused, made_up):
    with refused(Unauthenticated, reason="NOT_SEALED"):
        await ada.login(ada.code(), proof=made_up, password="")


async def test_a_proof_ends_with_its_password(world, ada, refused):
    proof = await proof_of(ada, refused)
    await world.do.change_password(ada.caller, PASSWORD, "another-river-and-7-boats", **HERE)
    with refused(Unauthenticated, reason="PASSWORD_PROOF_OVER"):
        await ada.login(ada.code(), proof=proof, password="")


async def test_a_proof_counts_like_its_password(ada, refused):
    proof = await proof_of(ada, refused)
    for _ in range(PAIR.free):
        with refused(Unauthenticated, reason="SECOND_FACTOR_WRONG"):
            await ada.login("no code", proof=proof, password="")
    with refused(ResourceExhausted, reason="LOGIN_LOCKED"):
        await ada.login()


async def proof_of(person, refused):
    with refused(Unauthenticated, reason="SECOND_FACTOR_REQUIRED") as required:
        await person.login()
    proof = required.value.metadata["password_proof"]
    assert len(proof) <= 256, "the details of a refusal carry no more"
    return proof


async def test_a_disabled_person_is_told_so_and_the_code_is_not_used_up(world, ada, refused):
    admin = await world.caller(await world.user("admin"))
    await world.do.disable_user(admin, ada.user.id, may_see=lambda _: True)
    with refused(PermissionDenied, reason="USER_DISABLED"):
        await ada.login(ada.code())
    await world.do.enable_user(admin, ada.user.id, may_see=lambda _: True)
    await ada.login(ada.code())


async def test_a_stranger_learns_nothing_of_second_factors(world, refused):
    await turn_on(world)
    for email in (EMAIL, f"{new_id()}@example.com"):
        with refused(Unauthenticated, reason="WRONG_CREDENTIALS"):
            await world.do.login(email, "not-the-password", code="123456", **HERE)
