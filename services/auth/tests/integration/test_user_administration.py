import pytest
from fp_auth.adapters.guesses import password_policy
from fp_auth.app.ensure_operator import EnsureOperator
from fp_kernel import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Principal, new_id

PASSWORD = "a-river-and-9-lanterns"


async def create(world, caller=None, **changes):
    facts = {"email": "ada@example.com", "name": "Ada", "password": PASSWORD, "team": "alpha"}
    return await world.do.create_user(caller or admin("*:*"), **(facts | changes))


def admin(*scopes, role="admin", team="alpha"):
    """A caller with these scopes and no others."""
    return Principal("admin-id", team, role, frozenset(scopes), expires_at=0)


OPERATOR = admin("*:*", "platform:admin", role="operator", team="platform")


def anywhere(team: str) -> bool:
    return True


async def test_a_new_user_is_a_viewer_and_others_are_told(world):
    user = await create(world, email="Ada@Example.com")
    assert (user.email, user.role, user.team) == ("ada@example.com", "viewer", "alpha")
    assert await world.event_types() == ["fp.auth.user.created"]
    event = (await world.events())[0]
    assert (event.team, event.resource_id, event.actor) == ("alpha", user.id, "admin-id")
    assert event.payload.email == "ada@example.com"


async def test_neither_the_event_nor_the_repr_of_a_user_shows_a_password(world):
    user = await create(world)
    assert PASSWORD not in user.password_hash
    assert "argon2" not in repr(user) + str(await world.events())


async def test_an_address_that_is_taken_is_refused_in_any_team(world, refused):
    await create(world)
    with refused(AlreadyExists, field="email"):
        await create(world, team="beta", email="ADA@example.com")
    assert len(await world.event_types()) == 1


async def test_an_address_typed_in_another_form_is_taken(world, refused):
    await create(world, email="zo\u00eb@example.com")
    with refused(AlreadyExists, field="email"):
        await create(world, email="zoe\u0308@example.com")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "ada"}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "password1234"}, "password"),
        ({"team": "no team"}, "team"),
        ({"name": "x" * 101}, "name"),
    ],
)
async def test_bad_input_is_named_and_nothing_is_written(world, refused, changes, field):
    with refused(InvalidArgument, field=field):
        await create(world, **changes)
    assert not await world.column("SELECT id FROM users")
    assert not await world.event_types()


async def test_a_role_is_assigned(world):
    user = await world.user()
    await world.do.assign_role(OPERATOR, user_id=user.id, role_name="engineer", may_see=anywhere)
    assert (await world.found(user.id)).role == "engineer"


async def test_a_user_of_a_team_that_the_caller_may_not_see_does_not_exist(world, refused):
    user = await world.user(team="beta")
    with refused(NotFound, field="user_id"):
        await world.do.assign_role(
            OPERATOR, user_id=user.id, role_name="engineer", may_see=lambda team: team == "alpha"
        )


async def test_an_unknown_user_or_role_is_named(world, refused):
    with refused(NotFound, field="user_id"):
        await world.do.assign_role(OPERATOR, user_id=new_id(), role_name="engineer", may_see=anywhere)
    with refused(InvalidArgument, field="user_id"):
        await world.do.assign_role(OPERATOR, user_id="me", role_name="engineer", may_see=anywhere)
    with refused(InvalidArgument, field="role_name"):
        await world.do.assign_role(OPERATOR, user_id=new_id(), role_name="service", may_see=anywhere)


async def test_the_last_admin_of_a_team_keeps_the_role_however_many_other_teams_have(world, refused):
    one = await world.user("admin")
    await world.user("admin", team="beta")
    await world.user("operator", team="platform")
    with refused(FailedPrecondition, reason="LAST_ADMIN"):
        await world.do.assign_role(OPERATOR, user_id=one.id, role_name="viewer", may_see=anywhere)
    await world.user("admin")
    await world.do.assign_role(OPERATOR, user_id=one.id, role_name="viewer", may_see=anywhere)


async def test_an_operator_is_an_admin_of_his_team_too(world):
    one = await world.user("admin", team="platform")
    await world.user("operator", team="platform")
    await world.do.assign_role(OPERATOR, user_id=one.id, role_name="viewer", may_see=anywhere)
    assert (await world.found(one.id)).role == "viewer"


async def test_the_last_operator_keeps_the_role(world, refused):
    one = await world.user("operator", team="platform")
    await world.user("admin", team="platform")
    for role_name in ("admin", "viewer"):
        with refused(FailedPrecondition, reason="LAST_OPERATOR"):
            await world.do.assign_role(OPERATOR, user_id=one.id, role_name=role_name, may_see=anywhere)
    await world.user("operator", team="platform")
    await world.do.assign_role(OPERATOR, user_id=one.id, role_name="admin", may_see=anywhere)
    assert (await world.found(one.id)).role == "admin"


async def test_operators_are_members_of_the_team_of_the_platform(world, refused):
    outsider, member = await world.user(), await world.user(team="platform")
    with refused(FailedPrecondition, reason="OPERATOR_OUTSIDE_PLATFORM"):
        await world.do.assign_role(OPERATOR, user_id=outsider.id, role_name="operator", may_see=anywhere)
    await world.do.assign_role(OPERATOR, user_id=member.id, role_name="operator", may_see=anywhere)
    assert (await world.found(member.id)).role == "operator"


@pytest.mark.parametrize("role_name", ["admin", "engineer", "viewer"])
async def test_a_key_that_may_only_administer_users_hands_out_no_role(world, refused, role_name):
    user = await world.user("viewer")
    with refused(PermissionDenied, field="role_name", reason="SCOPE_NOT_GRANTED"):
        await world.do.assign_role(admin("users:admin"), user_id=user.id, role_name=role_name, may_see=anywhere)
    with refused(PermissionDenied, reason="SCOPE_NOT_GRANTED"):
        await create(world, admin("users:admin"))


async def test_an_admin_neither_makes_an_operator_nor_unmakes_one(world, refused):
    operator, member = await world.user("operator", team="platform"), await world.user(team="platform")
    await world.user("operator", team="platform")
    own = admin("*:*", team="platform")
    with refused(PermissionDenied, field="role_name"):
        await world.do.assign_role(own, user_id=member.id, role_name="operator", may_see=anywhere)
    with refused(PermissionDenied, field="role_name"):
        await world.do.assign_role(own, user_id=operator.id, role_name="viewer", may_see=anywhere)


async def test_users_are_listed_page_by_page_for_one_team(world):
    mine = [(await world.user()).id for _ in range(5)]
    await world.user(team="beta")
    first = await world.do.queries.users("alpha", page_size=2, page_token="")
    second = await world.do.queries.users("alpha", page_size=2, page_token=first.next_token)
    third = await world.do.queries.users("alpha", page_size=2, page_token=second.next_token)
    assert [user.id for page in (first, second, third) for user in page.items] == sorted(mine)
    assert third.next_token == ""


async def test_a_token_of_another_teams_list_is_refused(world, refused):
    for _ in range(3):
        await world.user()
    page = await world.do.queries.users("alpha", page_size=1, page_token="")
    for team, token in (("beta", page.next_token), ("alpha", "garbage")):
        with refused(InvalidArgument, field="pagination.page_token"):
            await world.do.queries.users(team, page_size=1, page_token=token)


async def test_check_permission_always_says_why(world):
    user = await world.user("engineer")
    caller = await world.caller(user)
    yes = await world.do.queries.permission(caller, user_id="", resource="models", action="write")
    no = await world.do.queries.permission(caller, user_id=user.id, resource="users", action="admin")
    assert (yes.allowed, yes.reason) == (True, "role engineer grants models:write")
    assert (no.allowed, no.reason) == (False, "role engineer does not grant users:admin")


async def test_check_permission_asks_about_the_role_of_now(world):
    user = await world.user("engineer")
    caller = await world.caller(user)
    await world.stores.users.set_role(user.id, "viewer")
    decision = await world.do.queries.permission(caller, user_id="", resource="models", action="write")
    assert not decision.allowed


async def test_only_an_admin_or_a_service_asks_about_another_user(world, refused):
    user, other, admin = await world.user("engineer"), await world.user(), await world.user("admin")
    stranger = await world.user(team="beta")

    async def ask(caller, about):
        return await world.do.queries.permission(caller, user_id=about.id, resource="models", action="read")

    with refused(PermissionDenied, field="user_id"):
        await ask(await world.caller(user), other)
    assert (await ask(await world.caller(admin), other)).allowed
    with refused(NotFound, field="user_id"):
        await ask(await world.caller(admin), stranger)
    service = await world.caller(user, user_id="pipeline", role="service", team="", service="pipeline")
    assert (await ask(service, stranger)).allowed


async def test_the_first_operator_is_created_once(world):
    ensure = EnsureOperator(world.stores.users, world.transactions, password_policy(), world.hasher, world.clock)
    assert await ensure(email="root@example.com", password=PASSWORD, team="platform")
    assert not await ensure(email="other@example.com", password=PASSWORD, team="platform")
    assert await world.column("SELECT email || ' ' || role FROM users") == ["root@example.com admin"]
    (found,) = await world.stores.users.lock_administrators("platform")
    assert found.role == "operator"
    assert await world.event_types() == ["fp.auth.user.created"]


async def test_the_first_operators_password_must_be_a_good_one(world, refused):
    ensure = EnsureOperator(world.stores.users, world.transactions, password_policy(), world.hasher, world.clock)
    with refused(InvalidArgument, field="password"):
        await ensure(email="root@example.com", password="password1234", team="platform")


async def test_a_user_who_is_no_operator_does_not_become_one_at_the_start(world, refused):
    await create(world)
    ensure = EnsureOperator(world.stores.users, world.transactions, password_policy(), world.hasher, world.clock)
    with refused(AlreadyExists, field="email"):
        await ensure(email="ada@example.com", password=PASSWORD, team="platform")
