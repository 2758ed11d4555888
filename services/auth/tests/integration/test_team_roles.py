"""A team's own roles."""

import asyncio
from types import SimpleNamespace

import pytest
from fp_auth.adapters.postgres.roles import PostgresTeamRoles
from fp_auth.app.team_roles import ChangeTeamRole, CreateTeamRole, DeleteTeamRole, ListTeamRoles
from fp_kernel import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
)

PASSWORD = "a-river-and-9-lanterns"


@pytest.fixture
def roles(world):
    """Every use-case by its name."""
    return SimpleNamespace(
        create=CreateTeamRole(world.transactions, world.clock),
        change=ChangeTeamRole(world.transactions, world.clock),
        delete=DeleteTeamRole(world.transactions),
        list=ListTeamRoles(PostgresTeamRoles(world.database)),
    )


@pytest.fixture
async def admin(world):
    return await world.caller(await world.user("admin"))


async def made(roles, caller, **changes):
    facts = {"name": "labeller", "description": "", "scopes": ["monitors:write", "models:read"]} | changes
    return await roles.create(caller, **facts)


async def given(world, caller, role="labeller", **facts):
    """A user who has the role."""
    user = await world.user("viewer", **facts)
    await assigned(world, caller, user, role)
    return user


async def assigned(world, caller, user, role):
    await world.do.assign_role(caller, user_id=user.id, role_name=role, may_see=lambda team: team == caller.team)


async def test_who_did_not_see_the_last_change_of_a_role_overwrites_nothing(world, roles, admin):
    first = await made(roles, admin)
    facts = {"name": first.name, "scopes": ["models:read"]}
    changed = await roles.change(admin, description="reads", expected=first.revision, **facts)
    with pytest.raises(Aborted) as caught:
        await roles.change(admin, description="stale", expected=first.revision, **facts)
    assert (caught.value.reason, caught.value.metadata["changed_by"]) == ("REVISION_CHANGED", admin.user_id)
    (own,) = [each for each in await roles.list(admin) if not each.built_in]
    assert (own, own.description) == (changed, "reads")
    assert (await roles.change(admin, description="again", **facts)).revision == changed.revision + 1


async def test_a_change_of_a_deleted_role_does_not_reach_the_one_made_in_its_place(world, roles, admin):
    first = await made(roles, admin)
    await roles.delete(admin, name=first.name)
    world.clock.advance(1)
    second = await made(roles, admin)
    with pytest.raises(Aborted, match="was changed meanwhile"):
        await roles.change(admin, name=first.name, description="stale", scopes=["models:read"], expected=first.revision)
    with pytest.raises(Aborted, match="was changed meanwhile"):
        await roles.delete(admin, name=first.name, expected=first.revision)
    (own,) = [each for each in await roles.list(admin) if not each.built_in]
    assert own == second
    await roles.delete(admin, name=first.name, expected=second.revision)
    assert all(each.built_in for each in await roles.list(admin))


async def test_who_has_it_may_do_what_it_names_and_nothing_else(world, roles, admin):
    await made(roles, admin)
    user = await given(world, admin, email="ada@example.com")

    session = await world.do.login("ada@example.com", PASSWORD, address="")
    claims = await world.do.validate_token(session.access_token)
    refreshed = await world.do.refresh(session.refresh_token)

    assert (claims.role, claims.scopes) == ("labeller", {"monitors:write", "models:read"})
    assert (await world.do.validate_token(refreshed.access_token)).scopes == claims.scopes
    assert (await world.found(user.id)).role == "labeller"
    decision = await world.do.queries.permission(admin, user_id=user.id, resource="monitors", action="write")
    assert decision.allowed


async def test_keys_of_who_has_it_are_cut_to_it(world, roles, admin):
    await made(roles, admin, scopes=["models:read", "models:write", "api-keys:write"])
    user = await given(world, admin)
    caller = await world.caller(user, role="labeller", scopes=frozenset({"models:read", "models:write"}))
    issued = await world.do.create_api_key(
        caller, user_id="", scopes=["models:read", "models:write"], expires_at=None, name="k"
    )
    assert (await world.do.validate_token(issued.raw_key)).scopes == {"models:read", "models:write"}

    await roles.change(admin, name="labeller", description="", scopes=["models:read"])

    assert (await world.do.validate_token(issued.raw_key)).scopes == {"models:read"}


async def test_nobody_makes_changes_or_gives_a_role_that_may_do_more_than_himself(world, roles, admin, refused):
    few = await world.caller(await world.user("admin"), scopes=frozenset({"users:admin", "models:read"}))

    with refused(PermissionDenied, field="scopes", reason="SCOPE_NOT_GRANTED"):
        await made(roles, few)
    await made(roles, few, name="reader", scopes=["models:read"])
    with refused(PermissionDenied, reason="SCOPE_NOT_GRANTED"):
        await roles.change(few, name="reader", description="", scopes=["*:*"])

    await made(roles, admin)
    with refused(PermissionDenied, reason="SCOPE_NOT_GRANTED"):
        await roles.change(few, name="labeller", description="", scopes=["models:read"])
    with refused(PermissionDenied, reason="SCOPE_NOT_GRANTED"):
        await roles.delete(few, "labeller")
    with refused(PermissionDenied, reason="SCOPE_NOT_GRANTED"):
        await assigned(world, few, await world.user(), "labeller")


async def test_no_admin_of_a_team_makes_a_role_of_the_platform(roles, admin, refused):
    with refused(PermissionDenied, reason="SCOPE_NOT_GRANTED"):
        await made(roles, admin, scopes=["platform:admin"])


async def test_what_it_loses_ends_the_tokens_of_who_has_it_and_what_it_gains_does_not(world, roles, admin):
    await made(roles, admin)
    user = await given(world, admin)

    await roles.change(admin, name="labeller", description="more", scopes=["monitors:write", "models:*"])
    assert not await world.column("SELECT id FROM withdrawals")

    await roles.change(admin, name="labeller", description="less", scopes=["models:read"])
    assert await world.column("SELECT id FROM withdrawals WHERE kind = 'user' AND before IS NOT NULL") == [user.id]
    assert (await world.event_types())[-1] == "fp.auth.identity.ended"


async def test_a_narrower_role_leaves_the_end_of_a_disabled_holder_as_it_is(world, roles, admin):
    """A later end of his logins once would have let his API keys in again."""
    await made(roles, admin)
    user = await given(world, admin)
    await world.do.disable_user(admin, user.id, may_see=lambda team: team == admin.team)

    await roles.change(admin, name="labeller", description="less", scopes=["models:read"])

    assert await world.column("SELECT before FROM withdrawals WHERE kind = 'user'") == [None]


async def test_one_that_somebody_has_is_not_deleted(world, roles, admin, refused):
    await made(roles, admin)
    user = await given(world, admin)

    with refused(FailedPrecondition, field="name", reason="ROLE_IN_USE"):
        await roles.delete(admin, "labeller")
    await assigned(world, admin, user, "viewer")
    await roles.delete(admin, "labeller")

    assert (await world.found(user.id)).role == "viewer"
    with refused(InvalidArgument, field="role_name"):
        await assigned(world, admin, user, "labeller")


async def test_a_role_is_deleted_or_given_but_not_both_at_once(world, roles, admin):
    await made(roles, admin)
    user = await world.user("viewer")

    outcomes = await asyncio.gather(
        assigned(world, admin, user, "labeller"), roles.delete(admin, "labeller"), return_exceptions=True
    )

    assert sum(outcome is None for outcome in outcomes) == 1
    there = "labeller" in {role.name for role in await roles.list(admin)}
    assert ((await world.found(user.id)).role == "labeller") is there


async def test_a_role_belongs_to_its_team(world, roles, admin, refused):
    await made(roles, admin)
    stranger = await world.caller(await world.user("admin", team="beta"))

    for call in (
        roles.change(stranger, name="labeller", description="", scopes=["models:read"]),
        roles.delete(stranger, "labeller"),
    ):
        with refused(NotFound, reason="ROLE_NOT_FOUND"):
            await call
    with refused(InvalidArgument, field="role_name"):
        await assigned(world, stranger, await world.user(team="beta"), "labeller")
    assert "labeller" not in {role.name for role in await roles.list(stranger)}
    await made(roles, stranger, scopes=["billing:read"])
    assert {tuple(sorted(role.scopes)) for role in await roles.list(admin) if not role.built_in} == {
        ("models:read", "monitors:write")
    }


async def test_the_list_has_what_people_may_have(roles, admin):
    await made(roles, admin)
    listed = await roles.list(admin)
    assert [role.name for role in listed] == ["admin", "engineer", "operator", "viewer", "labeller"]
    assert [role.name for role in listed if not role.built_in] == ["labeller"]


@pytest.mark.parametrize("name", ["admin", "operator", "service", "job", "service-account", "A", "x", "", "a b"])
async def test_names_of_the_platform_and_bad_ones_are_refused(roles, admin, refused, name):
    with refused(InvalidArgument, field="name"):
        await made(roles, admin, name=name)
    with refused(InvalidArgument, field="name"):
        await roles.delete(admin, name)


async def test_a_name_is_taken_once_and_a_team_has_so_many(world, roles, admin, refused, monkeypatch):
    await made(roles, admin)
    with refused(AlreadyExists, field="name", reason="ROLE_EXISTS"):
        await made(roles, admin)
    monkeypatch.setattr("fp_auth.app.team_roles.MAX_ROLES", 1)
    with refused(ResourceExhausted, reason="TOO_MANY_ROLES"):
        await made(roles, admin, name="second")
