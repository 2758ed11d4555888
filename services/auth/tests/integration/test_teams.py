"""Teams: made, renamed, limited, suspended and resumed."""

import asyncio
from datetime import timedelta

import pytest
from fp_auth.adapters.events import IDENTITY_ENDED, IDENTITY_RESTORED
from fp_auth.app.teams import TeamChange
from fp_auth.domain.teams import Limits
from fp_kernel import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Principal,
    ResourceExhausted,
    Unauthenticated,
)

OPERATOR = Principal("olga", "platform", "operator", frozenset({"*:*"}), 0.0)
PASSWORD = "a-river-and-9-lanterns"


@pytest.fixture
async def operator(world):
    return await world.caller(await world.user("operator", team="platform"))


@pytest.fixture
async def alpha(world):
    return await world.do.create_team("alpha", "Team Alpha", Limits())


async def create_user(world, operator, email, team="alpha"):
    return await world.do.create_user(operator, email=email, name="", password=PASSWORD, team=team)


async def create_key(world, user):
    caller = await world.caller(user)
    return await world.do.create_api_key(caller, user_id="", scopes=["models:read"], expires_at=None, name="")


async def test_a_team_is_made_once_and_renamed_while_its_id_stays(world, alpha, refused):
    with refused(AlreadyExists, field="id", reason="TEAM_TAKEN"):
        await world.do.create_team("alpha", "", Limits())
    changed = await world.do.update_team(OPERATOR, "alpha", TeamChange(display_name=" The First "))
    assert (changed.id, changed.display_name, changed.limits) == ("alpha", "The First", Limits())
    assert await world.do.teams.team("alpha") == changed
    assert (await world.do.create_team("beta", "", Limits())).display_name == "beta"


async def test_who_did_not_see_the_last_change_of_a_team_overwrites_nothing(world, alpha):
    renamed = await world.do.update_team(OPERATOR, "alpha", TeamChange("The First"), expected=alpha.revision)
    assert renamed.revision > alpha.revision
    with pytest.raises(Aborted) as caught:
        await world.do.update_team(OPERATOR, "alpha", TeamChange(limits=Limits(users=1)), expected=alpha.revision)
    assert (caught.value.reason, caught.value.metadata["changed_by"]) == ("REVISION_CHANGED", "olga")
    assert await world.do.teams.team("alpha") == renamed
    suspended = await world.do.suspend_team(OPERATOR, "alpha")
    assert (await world.do.resume_team(OPERATOR, "alpha")).revision > suspended.revision > renamed.revision


async def test_bad_names_and_unknown_teams_are_refused(world, alpha, refused):
    with refused(InvalidArgument, field="id"):
        await world.do.create_team("no spaces", "", Limits())
    with refused(InvalidArgument, field="display_name"):
        await world.do.update_team(OPERATOR, "alpha", TeamChange(display_name="x" * 101))
    with refused(NotFound, reason="TEAM_NOT_FOUND"):
        await world.do.update_team(OPERATOR, "nobody", TeamChange(display_name="x"))
    with refused(NotFound, reason="TEAM_NOT_FOUND"):
        await world.do.teams.team("nobody")


async def test_teams_are_listed_page_by_page(world):
    for name in ("c", "a", "b"):
        await world.do.create_team(name, "", Limits())
    first = await world.do.teams.teams(page_size=2, page_token="")
    second = await world.do.teams.teams(page_size=2, page_token=first.next_token)
    assert [[each.id for each in page.items] for page in (first, second)] == [["a", "b"], ["c"]]


async def test_a_team_that_is_named_by_its_first_user_is_made(world, operator):
    await create_user(world, operator, "ann@example.com", team="gamma")
    assert (await world.do.teams.team("gamma")).display_name == "gamma"


async def test_a_suspended_team_is_out_and_back_with_its_keys_and_sessions(world, operator, alpha, refused):
    ann = await world.user("engineer", email="ann@example.com")
    session = await world.do.login(ann.email, PASSWORD, address="10.0.0.7")
    key = await create_key(world, ann)

    await world.do.suspend_team(operator, "alpha")

    with refused(PermissionDenied, reason="TEAM_SUSPENDED"):
        await world.do.login(ann.email, PASSWORD, address="10.0.0.7")
    with refused(Unauthenticated, reason="TEAM_SUSPENDED"):
        await world.do.refresh(session.refresh_token)
    with refused(Unauthenticated, reason="API_KEY_INVALID"):
        await world.do.validate_token(key.raw_key)
    pipeline = await world.caller(ann, role="service", service="pipeline")
    with refused(FailedPrecondition, reason="TEAM_SUSPENDED"):
        await world.do.issue_job_token(pipeline, execution_id="e", step_id="s")
    with refused(PermissionDenied, reason="TEAM_SUSPENDED"):
        await create_user(world, operator, "new@example.com")

    world.clock.advance(timedelta(minutes=1).total_seconds())
    await world.do.resume_team(operator, "alpha")

    await world.do.validate_token(key.raw_key)
    await world.do.refresh(session.refresh_token)
    await world.do.login(ann.email, PASSWORD, address="10.0.0.7")
    published = [event for event in await world.events() if event.type in (IDENTITY_ENDED, IDENTITY_RESTORED)]
    assert [(event.payload.kind, event.payload.id) for event in published] == [("team", "alpha")] * 2
    assert published[0].payload.revision < published[1].payload.revision
    assert (published[0].payload.reason, published[0].payload.HasField("before")) == ("suspended", False)


async def test_suspending_twice_tells_once_and_other_teams_go_on(world, operator, alpha):
    bob = await world.user(team="beta", email="bob@example.com")
    for _ in range(2):
        assert (await world.do.suspend_team(operator, "alpha")).suspended_at == world.now()
    assert (await world.event_types()).count(IDENTITY_ENDED) == 1
    await world.do.login(bob.email, PASSWORD, address="10.0.0.7")


async def test_the_operators_do_not_suspend_themselves(world, operator, refused):
    await world.do.create_team("platform", "", Limits())
    with refused(FailedPrecondition, reason="PLATFORM_TEAM"):
        await world.do.suspend_team(operator, "platform")


async def test_a_login_under_way_does_not_outlive_the_suspension(world, operator, alpha, refused, monkeypatch):
    ann = await world.user("engineer", email="ann@example.com")
    forgive = world.verify.forgive

    async def suspended_meanwhile(attempt):
        await forgive(attempt)
        await world.do.suspend_team(operator, "alpha")

    monkeypatch.setattr(world.verify, "forgive", suspended_meanwhile)
    with refused(PermissionDenied, reason="TEAM_SUSPENDED"):
        await world.do.login(ann.email, PASSWORD, address="10.0.0.7")


async def test_a_team_takes_no_more_users_than_it_may_also_two_at_once(world, operator, refused):
    await world.do.create_team("alpha", "", Limits(users=2))
    first = await create_user(world, operator, "one@example.com")
    outcomes = await asyncio.gather(
        create_user(world, operator, "two@example.com"),
        create_user(world, operator, "three@example.com"),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, ResourceExhausted) for outcome in outcomes) == 1
    with refused(ResourceExhausted, reason="TEAM_LIMIT"):
        await create_user(world, operator, "four@example.com")
    await world.do.delete_user(operator, first.id, may_see=lambda _: True)
    await create_user(world, operator, "four@example.com")


async def test_a_team_takes_no_more_keys_than_it_may_and_ended_ones_do_not_count(world, refused):
    await world.do.create_team("alpha", "", Limits(keys=1))
    ann = await world.user("engineer")
    issued = await create_key(world, ann)
    with refused(ResourceExhausted, reason="TEAM_LIMIT"):
        await create_key(world, ann)
    await world.do.revoke_api_key(await world.caller(ann), issued.key.id)
    await create_key(world, ann)
    await world.do.update_team(OPERATOR, "alpha", TeamChange(limits=Limits()))
    await create_key(world, ann)


async def test_a_limit_below_what_is_there_takes_nothing_away(world, operator, alpha):
    for number in range(3):
        await create_user(world, operator, f"{number}@example.com")
    changed = await world.do.update_team(OPERATOR, "alpha", TeamChange(limits=Limits(users=1)))
    assert changed.limits.users == 1
    await world.do.login("0@example.com", PASSWORD, address="10.0.0.7")


async def test_another_name_of_a_team_leaves_its_id_to_its_people_roles_and_programs(world, alpha):
    """The id is the label that everything carries: nothing may have to follow a rename."""
    columns = (
        "SELECT team FROM users UNION ALL SELECT team FROM team_roles UNION ALL SELECT team FROM service_accounts "
        "UNION ALL SELECT team FROM invitations"
    )
    admin = await world.caller(await world.user("admin"))
    await world.database.execute(
        "INSERT INTO team_roles (team, name, description, scopes, created_by, created_at) "
        "VALUES ('alpha', 'labeller', '', '{models:read}', '', '2013-03-01')"
    )
    await world.database.execute(
        "INSERT INTO service_accounts (id, team, name, description, scopes, created_by, created_at) "
        "VALUES (gen_random_uuid(), 'alpha', 'loader', '', '{models:read}', '', '2013-03-01')"
    )
    await world.do.create_invitation(admin, email="bea@example.com", role_name="labeller", team="alpha")

    renamed = await world.do.update_team(OPERATOR, "alpha", TeamChange(display_name="The Alphas"))

    assert (renamed.id, renamed.display_name) == ("alpha", "The Alphas")
    assert set(await world.column(columns)) == {"alpha"}
    user = await world.do.accept_invitation(world.mailer.token, name="Bea", password=PASSWORD)
    assert (user.team, user.role) == ("alpha", "labeller")
    found = await world.found(user.id)
    assert (found.team, found.role) == ("alpha", "labeller")
