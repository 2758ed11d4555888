"""People who ask for an account themselves, where the setting names a team for them."""

from datetime import timedelta

import pytest
from fp_auth.app.accept_invitation import AcceptInvitation
from fp_auth.app.mail_ports import MailTemplate
from fp_auth.app.register import RequestRegistration
from fp_kernel import FailedPrecondition, InvalidArgument

PASSWORD = "a-river-and-9-lanterns"
EMAIL = "bea@example.com"


async def asked(world, email=EMAIL):
    await world.do.request_registration(email)
    await world.do.send_mails()


async def accepted(world):
    return await world.do.accept_invitation(world.mailer.token, name="Bea", password=PASSWORD)


async def test_who_reads_his_mail_becomes_a_viewer_of_the_team_of_the_setting(world):
    await asked(world)
    (mail,) = world.mailer.sent.values()
    user = await accepted(world)
    assert (mail.to, mail.template) == (EMAIL, MailTemplate.REGISTRATION)
    assert (user.team, user.role, user.email_verified) == ("visitors", "viewer", True)
    assert (await world.do.login(EMAIL, PASSWORD, address="")).user.id == user.id
    assert (await world.events())[-1].actor == user.id


async def test_without_the_setting_nobody_registers_himself(world, refused, monkeypatch):
    off = RequestRegistration(world.transactions, None, world.clock, team="")
    with refused(FailedPrecondition, reason="REGISTRATION_OFF"):
        await off(EMAIL)
    await asked(world)
    for now_named in ("", "others"):
        monkeypatch.setattr(world.do.accept_invitation, "_registration_team", now_named)
        with refused(FailedPrecondition, reason="REGISTRATION_OFF"):
            await accepted(world)
    assert isinstance(world.do.accept_invitation, AcceptInvitation)
    assert await world.column("SELECT count(*) FROM users") == [0]


async def test_an_address_with_an_account_gets_a_mail_that_says_so_and_the_same_answer(world, refused):
    await world.user(email=EMAIL)
    assert await world.do.request_registration(EMAIL) is await world.do.request_registration("new@example.com")
    await world.do.send_mails()
    known, new = world.mailer.sent.values()
    assert (known.to, known.template) == (EMAIL, MailTemplate.ACCOUNT_EXISTS)
    assert known.parameters == {"link": "https://fp.example.com/login"}
    assert new.template is MailTemplate.REGISTRATION
    with refused(InvalidArgument, field="email"):
        await world.do.request_registration("no address")


async def test_a_known_and_an_unknown_address_leave_the_same_rows(world):
    """Also what a replica's disk shows must not tell them apart."""
    await world.user(email=EMAIL)
    for email in (EMAIL, "new@example.com"):
        await world.do.request_registration(email)
    assert await world.column("SELECT count(*) FROM invitations GROUP BY email") == [1, 1]
    assert await world.column("SELECT count(*) FROM mail_requests") == [2]


async def test_resends_are_limited_and_the_limit_is_silent(world):
    for _ in range(7):
        await asked(world)
    assert len(world.mailer.sent) == 5
    world.clock.advance(timedelta(hours=1).total_seconds())
    await asked(world)
    assert len(world.mailer.sent) == 6


async def test_registrations_that_wait_are_bounded(world, monkeypatch):
    monkeypatch.setattr("fp_auth.domain.invitations.MOST_REGISTRATIONS", 2)
    for name in ("a", "b", "c"):
        await asked(world, f"{name}@example.com")
    assert [mail.to for mail in world.mailer.sent.values()] == ["a@example.com", "b@example.com"]


async def test_an_attacker_who_asks_for_an_address_does_not_use_up_its_invitations(world):
    admin = await world.caller(await world.user("admin"))
    for _ in range(6):
        await asked(world)
    made = await world.do.create_invitation(admin, email=EMAIL, role_name="engineer", team="alpha")
    assert made.delivery.mailed
    assert (await accepted(world)).team == "alpha"


async def test_registrations_are_no_invitations_of_the_team(world):
    await asked(world)
    assert not (await world.do.invitations.pending("visitors", page_size=9, page_token="")).items


@pytest.mark.parametrize("email", ["BEA@Example.com", "bea@EXAMPLE.com"])
async def test_an_address_is_known_in_every_spelling(world, email):
    await world.user(email=EMAIL)
    await asked(world, email)
    (mail,) = world.mailer.sent.values()
    assert mail.template is MailTemplate.ACCOUNT_EXISTS
