"""Invitations: a link by which somebody without an account joins a team, once and within a day."""

from datetime import timedelta

import pytest
from fp_auth.adapters.events import USER_CREATED
from fp_auth.domain.teams import Limits
from fp_auth.retention import Prune
from fp_kernel import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
)

PASSWORD = "a-river-and-9-lanterns"
EMAIL = "bea@example.com"


@pytest.fixture
async def ann(world):
    """An admin of alpha."""
    return await world.user("admin", email="ann@example.com")


@pytest.fixture
async def admin(world, ann):
    return await world.caller(ann)


@pytest.fixture
async def operator(world):
    return await world.caller(await world.user("operator", team="platform"))


async def invited(world, caller, *, email=EMAIL, role="engineer", team="alpha"):
    return await world.do.create_invitation(caller, email=email, role_name=role, team=team)


async def accepted(world, token=""):
    return await world.do.accept_invitation(token or world.mailer.token, name="Bea", password=PASSWORD)


async def pending(world, team="alpha"):
    page = await world.do.invitations.pending(team, page_size=10, page_token="")
    return [each.email for each in page.items]


def of_alpha(team):
    return team == "alpha"


async def test_who_is_invited_chooses_a_password_and_is_in_the_team(world, ann, admin):
    made = await invited(world, admin)
    (mail,) = world.mailer.sent.values()
    user = await accepted(world)

    assert (mail.to, mail.parameters["team"], mail.parameters["valid_for"]) == (EMAIL, "alpha", "24 hours")
    assert mail.parameters["link"].startswith("https://fp.example.com/accept-invitation?token=")
    assert (made.delivery.mailed, made.delivery.link) == (True, "")
    assert (user.team, user.role, user.email, user.name, user.email_verified) == (
        "alpha",
        "engineer",
        EMAIL,
        "Bea",
        True,
    )
    assert (await world.do.login(EMAIL, PASSWORD, address="")).user.id == user.id
    (created,) = [event for event in await world.events() if event.type == USER_CREATED]
    assert (created.actor, created.payload.user_id) == (ann.id, user.id)


async def test_a_link_works_once(world, admin, refused):
    await invited(world, admin)
    await accepted(world)
    with refused(FailedPrecondition, reason="INVITATION_USED"):
        await accepted(world)


async def test_a_link_is_over_after_a_day_and_unknown_after_a_week(world, admin, refused):
    await invited(world, admin)
    world.clock.advance(timedelta(hours=24).total_seconds())
    with refused(FailedPrecondition, reason="INVITATION_EXPIRED"):
        await accepted(world)
    assert await pending(world) == []
    world.clock.advance(timedelta(days=7, seconds=1).total_seconds())
    await Prune(world.transactions, world.clock)()
    with refused(InvalidArgument, reason="LINK_INVALID"):
        await accepted(world)
    assert await world.column("SELECT email FROM invitations") == []


async def test_a_withdrawn_invitation_lets_nobody_in(world, admin, refused):
    made = await invited(world, admin)
    for _ in range(2):
        await world.do.withdraw_invitation(admin, made.invitation.id, may_see=of_alpha)
    with refused(FailedPrecondition, reason="INVITATION_WITHDRAWN"):
        await accepted(world)
    assert await pending(world) == []


async def test_an_accepted_invitation_is_not_withdrawn(world, admin, refused):
    made = await invited(world, admin)
    await accepted(world)
    with refused(FailedPrecondition, reason="INVITATION_USED"):
        await world.do.withdraw_invitation(admin, made.invitation.id, may_see=of_alpha)


async def test_nobody_joins_a_suspended_team(world, admin, operator, refused):
    await world.do.create_team("alpha", "", Limits())
    await invited(world, admin)
    await world.do.suspend_team(operator, "alpha")
    with refused(PermissionDenied, reason="TEAM_SUSPENDED"):
        await accepted(world)
    with refused(PermissionDenied, reason="TEAM_SUSPENDED"):
        await invited(world, operator)
    await world.do.resume_team(operator, "alpha")
    await accepted(world)


async def test_an_unknown_link_costs_no_hashing_and_is_refused(world, refused, monkeypatch):
    async def never(_password):
        raise AssertionError("hashed for nobody")

    monkeypatch.setattr(world.hasher, "hash", never)
    for token in ("fpl_unknown", "x" * 200):
        with refused(InvalidArgument, reason="LINK_INVALID"):
            await accepted(world, token)


async def test_a_password_that_is_refused_does_not_use_the_invitation_up(world, admin, refused):
    await invited(world, admin)
    with refused(InvalidArgument, field="password"):
        await world.do.accept_invitation(world.mailer.token, name="Bea", password=EMAIL)
    await accepted(world)


async def test_nobody_gives_by_a_link_what_he_does_not_have(world, admin, operator, refused):
    narrow = await world.caller(await world.user("admin"), scopes=frozenset({"users:admin"}))
    for caller, role in ((narrow, "engineer"), (admin, "operator")):
        with refused((PermissionDenied, FailedPrecondition)[role == "operator"]):
            await invited(world, caller, role=role)
    with refused(FailedPrecondition, reason="OPERATOR_OUTSIDE_PLATFORM"):
        await invited(world, operator, role="operator")
    with refused(InvalidArgument, field="role_name"):
        await invited(world, admin, role="no-such-role")
    await invited(world, operator, role="operator", team="platform", email="oz@example.com")
    assert (await accepted(world)).role == "operator"


async def test_an_admin_who_lost_his_role_lets_nobody_in_any_more(world, ann, admin, operator, refused):
    await world.user("admin")
    await invited(world, admin)
    for change in (
        lambda: world.do.disable_user(operator, ann.id, may_see=of_alpha),
        lambda: world.stores.users.set_role(ann.id, "engineer"),
    ):
        await change()
        with refused(FailedPrecondition, reason="INVITER_LOST_ACCESS"):
            await accepted(world)
        await world.stores.users.set_disabled(ann.id, None)
    await world.stores.users.set_role(ann.id, "admin")
    await accepted(world)


async def test_a_full_team_is_refused_when_somebody_is_invited_and_when_he_accepts(world, admin, refused):
    await world.do.create_team("alpha", "", Limits(users=2))
    await invited(world, admin)
    bea = world.mailer.token
    await invited(world, admin, email="cy@example.com")
    await accepted(world, bea)
    with refused(ResourceExhausted, reason="TEAM_LIMIT"):
        await accepted(world)
    with refused(ResourceExhausted, reason="TEAM_LIMIT"):
        await invited(world, admin, email="di@example.com")


async def test_an_address_with_an_account_is_not_invited_nor_taken_over(world, admin, refused):
    await invited(world, admin)
    await world.user(email=EMAIL, team="beta")
    with refused(AlreadyExists, reason="EMAIL_TAKEN"):
        await invited(world, admin)
    with refused(AlreadyExists, reason="EMAIL_TAKEN"):
        await accepted(world)


async def test_a_new_invitation_takes_the_place_of_the_one_before_and_they_are_limited(world, admin, refused):
    await invited(world, admin)
    first = world.mailer.token
    for _ in range(4):
        await invited(world, admin)
    assert await pending(world) == [EMAIL]
    with refused(FailedPrecondition, reason="INVITATION_WITHDRAWN"):
        await accepted(world, first)
    with refused(ResourceExhausted, reason="TOO_MANY_LINKS"):
        await invited(world, admin)
    world.clock.advance(timedelta(hours=1).total_seconds())
    await invited(world, admin)
    await accepted(world)


async def test_a_team_has_a_bounded_number_of_invitations_that_wait(world, admin, refused, monkeypatch):
    monkeypatch.setattr("fp_auth.domain.invitations.MOST_PENDING", 2)
    for name in ("a", "b"):
        await invited(world, admin, email=f"{name}@example.com")
    with refused(ResourceExhausted, reason="TOO_MANY_INVITATIONS"):
        await invited(world, admin)


async def test_without_a_mail_server_the_admin_has_the_link_and_the_address_is_not_proven(world, admin):
    world.mailer.fails = [FailedPrecondition("no mail server", reason="MAIL_NOT_CONFIGURED")]
    made = await invited(world, admin)
    user = await accepted(world, made.delivery.link.partition("token=")[2])
    assert not made.delivery.mailed
    assert not user.email_verified
    assert not (await world.found(user.id)).email_verified


async def test_another_teams_invitation_is_not_there(world, admin, operator, refused):
    made = await invited(world, operator, team="beta")
    with refused(NotFound, reason="INVITATION_NOT_FOUND"):
        await world.do.withdraw_invitation(admin, made.invitation.id, may_see=of_alpha)
    assert (await pending(world), await pending(world, "beta")) == ([], [EMAIL])


async def test_who_is_deleted_leaves_no_address_in_invitations(world, admin, operator):
    await invited(world, operator, team="beta")
    await invited(world, admin)
    user = await accepted(world)
    await world.do.delete_user(admin, user.id, may_see=of_alpha)
    assert await world.column("SELECT email FROM invitations") == []


async def test_the_code_of_an_invitation_is_stored_nowhere_in_the_clear(world, admin):
    await invited(world, admin)
    token = world.mailer.token.encode()
    assert token not in b"".join(await world.column("SELECT token_hash FROM invitations"))
