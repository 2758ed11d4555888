"""Passwords: changed by their owner, reset by a link, and addresses that are verified by one."""

from datetime import timedelta

import pytest
from fp_auth.adapters.events import IDENTITY_ENDED
from fp_auth.adapters.postgres.withdrawals import PostgresWithdrawals
from fp_auth.app.mail_ports import MailTemplate
from fp_kernel import (
    FailedPrecondition,
    InvalidArgument,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
)

PASSWORD = "a-river-and-9-lanterns"
OTHER = "another-hill-with-7-trees"


def of_alpha(team):
    return team == "alpha"


@pytest.fixture
async def ann(world):
    return await world.user("engineer", email="ann@example.com")


@pytest.fixture
async def admin(world):
    return await world.caller(await world.user("admin"))


async def logged_in(world, user, password=PASSWORD, address="10.0.0.7"):
    """The session, and a caller with its token."""
    session = await world.do.login(user.email, password, address=address)
    claims = world.signer.issued[session.access_token]
    issued = claims.issued_at.timestamp()
    return session, await world.caller(user, session_id=claims.session_id, issued_at=issued)


async def withdrawn(world):
    pages = PostgresWithdrawals(world.database).pages()
    return {each.id: each async for page in pages for each in page}


async def test_a_new_password_ends_the_other_sessions_and_not_the_one_that_set_it(world, ann, refused):
    (mine, caller), (other, _) = await logged_in(world, ann), await logged_in(world, ann)

    await world.do.change_password(caller, PASSWORD, OTHER, address="10.0.0.7")

    with refused(Unauthenticated, reason="SESSION_OVER"):
        await world.do.refresh(other.refresh_token)
    await world.do.refresh(mine.refresh_token)
    said = (await withdrawn(world))[ann.id]
    assert (said.spared_session, said.before is not None) == (caller.session_id, True)
    with refused(Unauthenticated):
        await logged_in(world, ann)
    await logged_in(world, ann, OTHER)
    reasons = [event.payload.reason for event in await world.events() if event.type == IDENTITY_ENDED]
    assert reasons == ["password_changed"]


async def test_a_new_password_needs_the_old_one_and_must_be_a_good_one(world, ann, refused):
    _, caller = await logged_in(world, ann)
    with refused(Unauthenticated, reason="WRONG_CREDENTIALS"):
        await world.do.change_password(caller, OTHER, OTHER, address="10.0.0.7")
    with refused(InvalidArgument, field="old_password"):
        await world.do.change_password(caller, "", OTHER, address="10.0.0.7")
    for bad in ("short", "password1234", ann.email):
        with refused(InvalidArgument, field="new_password"):
            await world.do.change_password(caller, PASSWORD, bad, address="10.0.0.7")
    await logged_in(world, ann)


async def test_guesses_at_the_old_password_are_counted_like_those_of_a_login(world, ann, refused):
    _, caller = await logged_in(world, ann)
    for _ in range(10):
        with refused(Unauthenticated):
            await world.do.change_password(caller, "no-such-password", OTHER, address="10.0.0.7")
    with refused(ResourceExhausted, reason="LOGIN_LOCKED"):
        await world.do.change_password(caller, PASSWORD, OTHER, address="10.0.0.7")


async def test_who_signs_in_elsewhere_has_no_password_to_change(world, ann, refused):
    _, caller = await logged_in(world, ann)
    await world.stores.users.set_password_hash(ann.id, "")
    with refused(FailedPrecondition, reason="NO_PASSWORD"):
        await world.do.change_password(caller, PASSWORD, OTHER, address="")


async def test_nobody_gives_a_password_to_who_signs_in_elsewhere(world, ann, admin, refused):
    await world.stores.users.set_password_hash(ann.id, "")
    with refused(FailedPrecondition, reason="NO_PASSWORD"):
        await world.do.reset_user_password(admin, ann.id, may_see=of_alpha)


async def test_a_reset_link_works_once_and_ends_every_session(world, ann, admin, refused):
    session, _ = await logged_in(world, ann)
    delivery = await world.do.reset_user_password(admin, ann.id, may_see=of_alpha)
    assert (delivery.mailed, delivery.link) == (True, "")
    (mail,) = world.mailer.sent.values()
    assert mail.to == ann.email
    assert mail.parameters["link"].startswith("https://fp.example.com/reset-password?token=")
    assert mail.parameters["valid_for"] == "1 hour"

    await world.do.complete_password_reset(world.mailer.token, OTHER)

    with refused(InvalidArgument, field="token", reason="LINK_INVALID"):
        await world.do.complete_password_reset(world.mailer.token, "a-third-one-of-12-words")
    with refused(Unauthenticated):
        await world.do.refresh(session.refresh_token)
    await logged_in(world, ann, OTHER)
    assert ann.id in await withdrawn(world)


async def test_a_password_that_is_refused_does_not_use_the_link_up(world, ann, admin, refused):
    await world.do.reset_user_password(admin, ann.id, may_see=of_alpha)
    for bad in ("short", ann.email):
        with refused(InvalidArgument, field="new_password"):
            await world.do.complete_password_reset(world.mailer.token, bad)
    await world.do.complete_password_reset(world.mailer.token, OTHER)


async def test_without_a_mail_server_the_admin_has_the_link(world, ann, admin):
    world.mailer.fails = [FailedPrecondition("no mail server", reason="MAIL_NOT_CONFIGURED")]
    delivery = await world.do.reset_user_password(admin, ann.id, may_see=of_alpha)
    assert (delivery.mailed, await world.column("SELECT count(*) FROM mail_requests")) == (False, [0])
    await world.do.complete_password_reset(delivery.link.partition("token=")[2], OTHER)
    await logged_in(world, ann, OTHER)
    assert not (await world.found(ann.id)).email_verified


async def test_a_link_is_over_after_an_hour_and_a_used_one_voids_the_others(world, ann, admin, refused):
    await world.do.reset_user_password(admin, ann.id, may_see=of_alpha)
    early = world.mailer.token
    world.clock.advance(timedelta(minutes=61).total_seconds())
    with refused(InvalidArgument, reason="LINK_INVALID"):
        await world.do.complete_password_reset(early, OTHER)
    await world.do.reset_user_password(admin, ann.id, may_see=of_alpha)
    first = world.mailer.token
    await world.do.reset_user_password(admin, ann.id, may_see=of_alpha)
    await world.do.complete_password_reset(world.mailer.token, OTHER)
    with refused(InvalidArgument, reason="LINK_INVALID"):
        await world.do.complete_password_reset(first, "a-third-one-of-12-words")


async def test_links_are_limited_and_the_limit_shows_to_admins_alone(world, ann, admin, refused):
    for _ in range(5):
        await world.do.request_password_reset(ann.email)
    with refused(ResourceExhausted, reason="TOO_MANY_LINKS"):
        await world.do.reset_user_password(admin, ann.id, may_see=of_alpha)
    await world.do.request_password_reset(ann.email)
    await world.do.send_mails()
    assert len(world.mailer.sent) == 5
    world.clock.advance(timedelta(hours=1).total_seconds())
    await world.do.reset_user_password(admin, ann.id, may_see=of_alpha)


async def test_who_forgot_his_password_gets_a_mail_and_a_stranger_none(world, ann, refused):
    for email in (ann.email, "nobody@example.com"):
        await world.do.request_password_reset(email)
    await world.do.send_mails()
    assert [mail.to for mail in world.mailer.sent.values()] == [ann.email]
    await world.do.complete_password_reset(world.mailer.token, OTHER)
    with refused(InvalidArgument, field="email"):
        await world.do.request_password_reset("no address")


async def test_a_disabled_user_resets_nothing(world, ann, admin, refused):
    await world.do.reset_user_password(admin, ann.id, may_see=of_alpha)
    await world.do.disable_user(admin, ann.id, may_see=of_alpha)
    with refused(PermissionDenied, reason="USER_DISABLED"):
        await world.do.complete_password_reset(world.mailer.token, OTHER)
    with refused(FailedPrecondition, reason="USER_DISABLED"):
        await world.do.reset_user_password(admin, ann.id, may_see=of_alpha)
    await world.do.request_password_reset(ann.email)
    await world.do.send_mails()
    assert len(world.mailer.sent) == 1


async def test_the_code_of_a_link_is_stored_nowhere_in_the_clear(world, ann, admin):
    world.mailer.fails = [Unavailable("away")]
    await world.do.reset_user_password(admin, ann.id, may_see=of_alpha)
    world.clock.advance(timedelta(minutes=1).total_seconds())
    (sealed,) = await world.column("SELECT sealed FROM mail_requests")
    await world.do.send_mails()
    token = world.mailer.token.encode()
    assert token not in sealed
    assert ann.email.encode() not in sealed
    assert token not in b"".join(await world.column("SELECT token_hash FROM account_links"))


async def test_a_mail_waits_for_notification_and_is_not_sent_when_it_is_over(world, ann, admin):
    world.mailer.fails = [Unavailable("away")] * 2
    assert (await world.do.reset_user_password(admin, ann.id, may_see=of_alpha)).mailed
    await world.do.send_mails()
    assert world.mailer.sent == {}
    world.clock.advance(timedelta(seconds=30).total_seconds())
    await world.do.send_mails()
    world.clock.advance(timedelta(seconds=30).total_seconds())
    await world.do.send_mails()
    assert len(world.mailer.sent) == 1
    world.mailer.fails = [Unavailable("away")]
    await world.do.reset_user_password(admin, ann.id, may_see=of_alpha)
    world.clock.advance(timedelta(hours=2).total_seconds())
    await world.do.send_mails()
    assert len(world.mailer.sent) == 1
    assert await world.column("SELECT count(*) FROM mail_requests") == [0]


async def test_an_address_is_verified_by_who_reads_its_mail(world, ann, refused):
    _, caller = await logged_in(world, ann)
    await world.do.request_email_verification(caller)
    with refused(InvalidArgument, reason="LINK_INVALID"):
        await world.do.complete_password_reset(world.mailer.token, OTHER)
    await world.do.verify_email(world.mailer.token)
    assert (await world.found(ann.id)).email_verified
    with refused(InvalidArgument, reason="LINK_INVALID"):
        await world.do.verify_email(world.mailer.token)
    with refused(FailedPrecondition, reason="EMAIL_VERIFIED"):
        await world.do.request_email_verification(caller)


async def test_verification_mails_are_limited_and_their_link_is_shown_to_nobody(world, ann, refused):
    _, caller = await logged_in(world, ann)
    world.mailer.fails = [FailedPrecondition("no mail server", reason="MAIL_NOT_CONFIGURED")]
    with refused(FailedPrecondition, reason="MAIL_NOT_CONFIGURED"):
        await world.do.request_email_verification(caller)
    for _ in range(4):
        await world.do.request_email_verification(caller)
    with refused(ResourceExhausted, reason="TOO_MANY_LINKS"):
        await world.do.request_email_verification(caller)


async def changed_notices(world):
    await world.do.send_mails()
    return [mail for mail in world.mailer.sent.values() if mail.template is MailTemplate.PASSWORD_CHANGED]


async def test_who_has_a_new_password_gets_a_mail_also_when_it_was_somebody_else(world, ann, admin):
    _, caller = await logged_in(world, ann)
    await world.do.change_password(caller, PASSWORD, OTHER, address="10.0.0.7")
    (changed,) = await changed_notices(world)
    await world.do.reset_user_password(admin, ann.id, may_see=of_alpha)
    await world.do.complete_password_reset(world.mailer.token, "a-third-one-of-12-words")
    (_, by_link) = await changed_notices(world)

    now = world.clock.now()
    assert (changed.to, by_link.to) == (ann.email, ann.email)
    assert changed.parameters == {"name": ann.email, "changed_at": f"{now.day} {now:%B %Y, %H:%M} UTC"}


async def test_a_change_that_is_refused_sends_no_mail(world, ann, refused):
    _, caller = await logged_in(world, ann)
    with refused(InvalidArgument, field="new_password"):
        await world.do.change_password(caller, PASSWORD, "password1234", address="10.0.0.7")
    assert await changed_notices(world) == []


async def test_the_own_address_and_name_are_no_password(world, ann, admin, refused):
    await world.stores.users.set_name(ann.id, "Zbigniewska Quasarlab")
    _, caller = await logged_in(world, ann)
    with refused(InvalidArgument, field="new_password"):
        await world.do.change_password(caller, PASSWORD, "zbigniewska-quasarlab", address="10.0.0.7")
    await world.do.reset_user_password(admin, ann.id, may_see=of_alpha)
    with refused(InvalidArgument, field="new_password"):
        await world.do.complete_password_reset(world.mailer.token, "zbigniewska-quasarlab")


async def test_a_reset_without_a_link_costs_no_hashing(world, refused, monkeypatch):
    async def never(_password):
        raise AssertionError("hashed for nobody")

    monkeypatch.setattr(world.hasher, "hash", never)
    with refused(InvalidArgument, reason="LINK_INVALID"):
        await world.do.complete_password_reset("fpl_unknown", OTHER)


async def test_a_mail_carries_its_end_and_one_that_is_over_is_given_up_and_recorded(world, ann, admin, caplog):
    delivery = await world.do.reset_user_password(admin, ann.id, may_see=of_alpha)
    assert list(world.mailer.expires.values()) == [delivery.expires_at]

    world.mailer.fails = [Unavailable("away")]
    await world.do.reset_user_password(admin, ann.id, may_see=of_alpha)
    world.clock.advance(timedelta(hours=1).total_seconds())
    await world.do.send_mails()

    assert len(world.mailer.sent) == 1
    assert await world.column("SELECT count(*) FROM mail_requests") == [0]
    assert "a mail is given up" in caplog.text


async def test_an_admin_has_the_link_of_a_mail_that_cannot_be_sent(world, ann, admin):
    world.mailer.fails = [InvalidArgument("to: must be an e-mail address", reason="BAD")]
    delivery = await world.do.reset_user_password(admin, ann.id, may_see=of_alpha)
    assert not delivery.mailed
    await world.do.complete_password_reset(delivery.link.partition("token=")[2], OTHER)
