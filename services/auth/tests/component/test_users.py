import pytest
from forgepoint.auth.v1 import auth_pb2
from forgepoint.common.v1 import common_pb2
from fp_kernel import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, new_id

PASSWORD = "a-river-and-9-lanterns"


def new_user(**changes):
    facts = {"email": "ada@example.com", "name": "Ada", "password": PASSWORD, "team": "alpha"}
    return auth_pb2.CreateUserRequest(**(facts | changes))


def key(value: str):
    return (("idempotency-key", value),)


async def test_a_new_user_is_a_viewer_of_the_team_and_can_log_in(auth):
    operator = await auth.operator()
    user = (await operator.CreateUser(new_user(email="Ada@Example.com"))).user
    assert (user.email, user.name, user.team, user.role) == ("ada@example.com", "Ada", "alpha", "viewer")
    assert (await auth.login("ada@example.com")).user == user


async def test_without_a_team_a_user_joins_the_callers_own(auth):
    operator = await auth.operator()
    assert (await operator.CreateUser(new_user(team=""))).user.team == "alpha"


async def test_an_operator_may_fill_another_team(auth):
    operator = await auth.operator()
    assert (await operator.CreateUser(new_user(team="beta"))).user.team == "beta"


async def test_an_admin_reaches_no_team_but_his_own(auth):
    """Two calls once made him the admin of every team: create a user there, and assign the role."""
    admin, theirs = await auth.member("admin"), await auth.member("admin", team="beta")
    with pytest.raises(PermissionDenied) as refused:
        await admin.call.CreateUser(new_user(team="beta"))
    assert refused.value.reason == "CROSS_TEAM"
    with pytest.raises(PermissionDenied):
        await admin.call.ListUsers(auth_pb2.ListUsersRequest(team_filter="beta"))
    for role_name in ("viewer", "admin"):
        with pytest.raises(NotFound):
            await admin.call.AssignRole(auth_pb2.AssignRoleRequest(user_id=theirs.user.id, role_name=role_name))
    assert (await admin.call.CreateUser(new_user())).user.team == "alpha"


async def test_a_narrow_key_of_an_operator_reaches_no_other_team(auth):
    operator = await auth.operator()
    made = await operator.CreateAPIKey(auth_pb2.CreateAPIKeyRequest(scopes=["users:read"]))
    key = auth.caller(made.raw_key)
    assert (await key.ListUsers(auth_pb2.ListUsersRequest())).users
    with pytest.raises(PermissionDenied):
        await key.ListUsers(auth_pb2.ListUsersRequest(team_filter="beta"))


async def test_a_key_for_users_alone_does_not_become_one_for_everything(auth):
    admin = await auth.member("admin")
    user = (await admin.call.CreateUser(new_user())).user
    made = await admin.call.CreateAPIKey(auth_pb2.CreateAPIKeyRequest(scopes=["users:admin"]))
    key = auth.caller(made.raw_key)
    for call in (
        key.CreateUser(new_user(email="eve@example.com")),
        key.AssignRole(auth_pb2.AssignRoleRequest(user_id=user.id, role_name="admin")),
        admin.call.AssignRole(auth_pb2.AssignRoleRequest(user_id=user.id, role_name="operator")),
    ):
        with pytest.raises(PermissionDenied) as refused:
            await call
        assert refused.value.reason == "SCOPE_NOT_GRANTED"


async def test_an_address_that_is_taken_names_its_field(auth):
    operator = await auth.operator()
    await operator.CreateUser(new_user())
    with pytest.raises(AlreadyExists) as refused:
        await operator.CreateUser(new_user(team="beta"))
    assert "email" in refused.value.message


BAD_USERS = (
    ({"email": "ada"}, "email"),
    ({"password": "short"}, "password"),
    ({"password": "password1234"}, "password"),
    ({"team": "no team"}, "team"),
    ({"name": "x" * 101}, "name"),
)


async def test_bad_input_names_its_field(auth):
    operator = await auth.operator()
    for changes, field in BAD_USERS:
        with pytest.raises(InvalidArgument) as refused:
            await operator.CreateUser(new_user(**changes))
        assert [violation.field for violation in refused.value.fields] == [field]


async def test_only_admins_administer_users(auth):
    viewer, engineer = await auth.member("viewer"), await auth.member("engineer")
    for call in (
        viewer.call.CreateUser(new_user()),
        engineer.call.CreateUser(new_user()),
        viewer.call.ListUsers(auth_pb2.ListUsersRequest()),
        # Permission comes before existence: nobody there has this id.
        viewer.call.AssignRole(auth_pb2.AssignRoleRequest(user_id=new_id(), role_name="admin")),
    ):
        with pytest.raises(PermissionDenied):
            await call


async def test_a_user_created_twice_by_one_key_is_one_user(auth, start):
    operator, other = await auth.operator(), await (await start()).operator()
    first = await operator.CreateUser(new_user(), metadata=key("once"))
    assert await operator.CreateUser(new_user(), metadata=key("once")) == first
    assert await other.CreateUser(new_user(), metadata=key("once")) == first
    with pytest.raises(InvalidArgument) as refused:
        await operator.CreateUser(new_user(password="another-river-8-lamps"), metadata=key("once"))
    assert [violation.field for violation in refused.value.fields] == ["idempotency_key"]


async def test_a_role_holds_from_the_next_token_on(auth):
    member = await auth.member("viewer")
    operator = await auth.operator()
    await operator.AssignRole(auth_pb2.AssignRoleRequest(user_id=member.user.id, role_name="engineer"))
    fresh = await auth.caller().RefreshToken(auth_pb2.RefreshTokenRequest(refresh_token=member.refresh_token))
    assert fresh.user.role == "engineer"
    claims = (await auth.caller(fresh.access_token).GetCurrentUser(auth_pb2.GetCurrentUserRequest())).claims
    assert "models:write" in claims.scopes


BAD_ASSIGNMENTS = (
    ("me", "viewer", InvalidArgument),
    (new_id(), "Not a name", InvalidArgument),
    (new_id(), "service", InvalidArgument),
    (new_id(), "viewer", NotFound),
)


async def test_a_role_needs_a_user_and_a_role(auth):
    operator = await auth.operator()
    for user_id, role_name, kind in BAD_ASSIGNMENTS:
        with pytest.raises(kind):
            await operator.AssignRole(auth_pb2.AssignRoleRequest(user_id=user_id, role_name=role_name))


async def test_the_last_operator_stays(auth):
    session = await auth.login()
    with pytest.raises(FailedPrecondition) as refused:
        await auth.caller(session.access_token).AssignRole(
            auth_pb2.AssignRoleRequest(user_id=session.user.id, role_name="viewer")
        )
    assert refused.value.reason == "LAST_OPERATOR"


async def test_lists_page_through_one_team(auth):
    operator = await auth.operator()
    for number in range(4):
        await operator.CreateUser(new_user(email=f"user{number}@example.com"))
    await operator.CreateUser(new_user(email="elsewhere@example.com", team="beta"))
    seen, token = [], ""
    while True:
        pages = common_pb2.PaginationRequest(page_size=2, page_token=token)
        answer = await operator.ListUsers(auth_pb2.ListUsersRequest(pagination=pages))
        seen += [user.email for user in answer.users]
        token = answer.pagination.next_page_token
        if not token:
            break
    assert seen == ["admin@example.com", *(f"user{number}@example.com" for number in range(4))]
    beta = await operator.ListUsers(auth_pb2.ListUsersRequest(team_filter="beta"))
    assert [user.email for user in beta.users] == ["elsewhere@example.com"]


async def test_a_page_token_belongs_to_its_list(auth):
    operator = await auth.operator()
    await operator.CreateUser(new_user())
    first = await operator.ListUsers(auth_pb2.ListUsersRequest(pagination=common_pb2.PaginationRequest(page_size=1)))
    for team, token in (("beta", first.pagination.next_page_token), ("alpha", "garbage")):
        with pytest.raises(InvalidArgument) as refused:
            await operator.ListUsers(
                auth_pb2.ListUsersRequest(team_filter=team, pagination=common_pb2.PaginationRequest(page_token=token))
            )
        assert [violation.field for violation in refused.value.fields] == ["pagination.page_token"]


async def test_check_permission_always_gives_a_reason(auth):
    engineer = await auth.member("engineer")
    for resource, action, allowed in (("models", "write", True), ("users", "admin", False)):
        answer = await engineer.call.CheckPermission(
            auth_pb2.CheckPermissionRequest(user_id=engineer.user.id, resource=resource, action=action)
        )
        assert answer.allowed is allowed
        assert f"{resource}:{action}" in answer.reason


async def test_check_permission_keeps_teams_and_people_apart(auth):
    engineer, viewer = await auth.member("engineer"), await auth.member("viewer")
    stranger = await auth.member("viewer", team="beta")

    def about(member):
        return auth_pb2.CheckPermissionRequest(user_id=member.user.id, resource="models", action="read")

    with pytest.raises(PermissionDenied):
        await engineer.call.CheckPermission(about(viewer))
    with pytest.raises(NotFound):
        await (await auth.operator()).CheckPermission(about(stranger))
    assert (await auth.pipeline().CheckPermission(about(stranger))).allowed
    with pytest.raises(InvalidArgument):
        await engineer.call.CheckPermission(auth_pb2.CheckPermissionRequest(resource="", action="read"))
