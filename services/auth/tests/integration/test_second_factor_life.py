"""A second factor from its beginning to its end, on real stores."""

import asyncio
import base64

import pytest
from auth_second_factor import EMAIL, HERE, PASSWORD, begin, logins, status, turn_on
from fp_auth.adapters.postgres.second_factors import PostgresSecondFactorReads
from fp_auth.app.rewrap_second_factors import RewrapSecondFactors
from fp_auth.domain.lockout import PAIR
from fp_auth.domain.second_factors import ENROLMENT_LIFE
from fp_kernel import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
)
from fp_sealing import KeyRing


@pytest.fixture
async def ada(world):
    return await turn_on(world)


async def test_until_it_is_confirmed_a_login_needs_none_and_a_wrong_code_confirms_nothing(world, refused):
    person = await begin(world)
    with refused(InvalidArgument, field="totp_code"):
        await world.do.confirm_second_factor(person.caller, "000000" if person.code() != "000000" else "000001")
    assert (await status(world, person)).turned_on_at is None
    await person.login()


async def test_turning_it_on_ends_the_sessions_without_it_and_spares_the_own_one(world, refused):
    person = await begin(world)
    other = await person.login()
    await world.do.confirm_second_factor(person.caller, person.code())
    with refused(Unauthenticated):
        await world.do.refresh(other.refresh_token)
    event = (await world.events())[-1]
    assert (event.payload.reason, event.payload.spared_session_id) == ("second_factor", person.caller.session_id)


async def test_a_login_that_was_under_way_without_it_opens_no_session(world, refused):
    person = await begin(world)
    forgive = world.attempts.forgive

    async def turned_on_meanwhile(subjects):
        await forgive(subjects)
        world.attempts.forgive = forgive
        await world.do.confirm_second_factor(person.caller, person.code())

    world.attempts.forgive = turned_on_meanwhile
    with refused(Unauthenticated, reason="SECOND_FACTOR_REQUIRED"):
        await person.login()


@pytest.mark.parametrize("by", ["password", "code", "recovery"])
async def test_it_is_turned_off_by_the_password_or_a_code_and_sessions_go_on(world, ada, by):
    session = await ada.login(ada.code())
    ada.later()
    given = {
        "password": {"password": PASSWORD, "code": ""},
        "code": {"password": "", "code": ada.code()},
        "recovery": {"password": "", "code": ada.recovery[3]},
    }
    await world.do.turn_off_second_factor(ada.caller, **given[by], **HERE)
    await world.do.refresh(session.refresh_token)
    await ada.login()
    assert (await status(world, ada)).turned_on_at is None


async def test_it_is_not_turned_off_by_what_is_wrong_and_guesses_at_that_count(world, ada, refused):
    off = world.do.turn_off_second_factor
    for given in ({"password": "", "code": ""}, {"password": PASSWORD, "code": ada.code()}):
        with refused(InvalidArgument, field="totp_code"):
            await off(ada.caller, **given, **HERE)
    for _ in range(PAIR.free - 1):
        with refused(Unauthenticated, reason="SECOND_FACTOR_WRONG"):
            await off(ada.caller, password="", code="no code", **HERE)
    with refused(Unauthenticated, reason="WRONG_CREDENTIALS"):
        await off(ada.caller, password="not-the-password", code="", **HERE)
    with refused(ResourceExhausted, reason="LOGIN_LOCKED"):
        await off(ada.caller, password="", code=ada.code(), **HERE)
    assert (await status(world, ada)).turned_on_at


async def test_an_admin_resets_it_and_its_sessions_end(world, ada, refused):
    session = await ada.login(ada.code())
    admin = await world.caller(await world.user("admin"))
    await world.do.reset_second_factor(admin, ada.user.id, may_see=lambda team: team == "alpha")
    with refused(Unauthenticated):
        await world.do.refresh(session.refresh_token)
    await ada.login()
    before = await world.event_types()
    await world.do.reset_second_factor(admin, ada.user.id, may_see=lambda _: True)
    assert await world.event_types() == before, "twice is no error and ends nothing"


async def test_nobody_resets_that_of_who_may_more_nor_of_another_team_nor_his_own(world, refused):
    operator = await turn_on(world, "operator")
    admin = await world.caller(await world.user("admin"))
    reset = world.do.reset_second_factor
    with refused(PermissionDenied, field="user_id"):
        await reset(admin, operator.user.id, may_see=lambda _: True)
    with refused(NotFound, reason="USER_NOT_FOUND"):
        await reset(admin, operator.user.id, may_see=lambda team: team == "beta")
    with refused(InvalidArgument, field="user_id"):
        await reset(operator.caller, operator.user.id, may_see=lambda _: True)
    assert (await status(world, operator)).turned_on_at


async def test_who_administers_somebody_sees_whether_he_has_one_and_nobody_else_does(world, ada, refused):
    admin = await world.caller(await world.user("admin"))
    assert (await status(world, ada, by=admin)).recovery_codes_left == 10
    for role in ("viewer", "engineer"):
        with refused(NotFound):
            await status(world, ada, by=await world.caller(await world.user(role)))


async def test_beginning_needs_the_password_and_an_account_that_has_one(world, ada, refused):
    begin_it = world.do.begin_second_factor
    with refused(FailedPrecondition, reason="SECOND_FACTOR_ON"):
        await begin_it(ada.caller, PASSWORD, **HERE)
    with refused(Unauthenticated, reason="WRONG_CREDENTIALS"):
        await begin_it(ada.caller, "not-the-password", **HERE)
    with refused(InvalidArgument, field="password"):
        await begin_it(ada.caller, "", **HERE)
    elsewhere = await world.user(email="sso@example.com")
    await world.stores.users.set_password_hash(elsewhere.id, "")
    with refused(FailedPrecondition, reason="NO_PASSWORD"):
        await begin_it(await world.caller(elsewhere), PASSWORD, **HERE)


async def test_the_newest_begin_counts_and_it_is_over_after_a_quarter_of_an_hour(world, refused):
    person = await begin(world)
    first = person.code()
    again = await world.do.begin_second_factor(person.caller, PASSWORD, **HERE)
    with refused(InvalidArgument, field="totp_code"):
        await world.do.confirm_second_factor(person.caller, first)
    person.secret = base64.b32decode(again.secret)
    world.clock.advance(ENROLMENT_LIFE.total_seconds())
    with refused(FailedPrecondition, reason="SECOND_FACTOR_NOT_BEGUN"):
        await world.do.confirm_second_factor(person.caller, person.code())
    stranger = await world.caller(await world.user())
    with refused(FailedPrecondition, reason="SECOND_FACTOR_NOT_BEGUN"):
        await world.do.confirm_second_factor(stranger, "123456")


async def test_of_two_confirmations_at_once_one_shows_the_recovery_codes_that_count(world):
    person = await begin(world)
    code = person.code()
    results = await asyncio.gather(
        *(world.do.confirm_second_factor(person.caller, code) for _ in range(4)), return_exceptions=True
    )
    shown = [each for each in results if not isinstance(each, Exception)]
    assert len(shown) == 1, results
    person.later()
    await person.login(shown[0][0])


async def test_its_owner_gets_a_mail_when_it_is_turned_on_and_off(world, ada):
    await world.do.turn_off_second_factor(ada.caller, password=PASSWORD, code="", **HERE)
    await world.do.send_mails()
    said = [(mail.to, mail.template.value, mail.parameters["change"]) for mail in world.mailer.sent.values()]
    assert said == [(EMAIL, "MAIL_TEMPLATE_SECOND_FACTOR_CHANGED", change) for change in ("turned on", "turned off")]


async def test_neither_the_secret_nor_a_recovery_code_is_written_anywhere(world, ada):
    await ada.login(ada.recovery[0])
    text = base64.b32encode(ada.secret).decode()
    written = await everything(world)
    assert ada.user.id in written
    for secret in (ada.secret.hex(), text, *ada.recovery, *(each.replace("-", "").upper() for each in ada.recovery)):
        assert secret not in written


async def everything(world):
    """All rows of all tables."""
    names = await world.column("SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public'")
    rows = [await world.column(f"SELECT t::text FROM {name} t") for name in names]  # noqa: S608 -- from the catalogue
    return "\n".join(row for table in rows for row in table)


async def test_a_secret_that_was_moved_to_somebody_else_does_not_open(world, ada, refused):
    eve = await turn_on(world, email="eve@example.com")
    await world.database.execute(
        """
        UPDATE second_factors f SET sealed = o.sealed, wrapped_key = o.wrapped_key FROM second_factors o
        WHERE o.user_id = $1 AND f.user_id = $2
        """,
        eve.user.id,
        ada.user.id,
    )
    with refused(FailedPrecondition, reason="SECOND_FACTOR_UNREADABLE"):
        await ada.login(eve.code())
    await ada.login(ada.recovery[0])


async def test_the_key_around_it_can_be_replaced(world, ada):
    keys, reads = KeyRing([b"n" * 32, bytes(32)]), PostgresSecondFactorReads(world.database)
    rewrap = RewrapSecondFactors(reads, world.transactions, keys)
    assert ((await rewrap()).rewrapped, (await rewrap()).rewrapped) == (1, 0)
    alone = RewrapSecondFactors(reads, world.transactions, KeyRing([b"o" * 32]))
    assert (await alone()).unreadable == 1
    world.do.login = logins(world, world.do.open_session, keys=KeyRing([b"n" * 32]))["login"]
    await ada.login(ada.code())


async def test_a_deleted_person_leaves_none_behind(world, ada):
    admin = await world.caller(await world.user("admin"))
    await world.do.delete_user(admin, ada.user.id, may_see=lambda _: True)
    assert await world.column("SELECT count(*) FROM second_factors") == [0]
    assert await world.column("SELECT count(*) FROM recovery_codes") == [0]
