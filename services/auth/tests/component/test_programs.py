"""Programs end with what they belong to: jobs with their execution, every token with the key that signed it."""

import asyncio

import jwt
import pytest
from forgepoint.auth.v1 import (
    auth_pb2,
    roles_pb2,
    roles_pb2_grpc,
    service_accounts_pb2,
    service_accounts_pb2_grpc,
    signing_keys_pb2,
    signing_keys_pb2_grpc,
)
from forgepoint.events.v1 import events_pb2
from fp_events import Event
from fp_kernel import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Unauthenticated
from fp_rpc import BearerToken, Channels, acting_for
from fp_testkit.patience import PATIENCE
from google.protobuf.duration_pb2 import Duration

ME = auth_pb2.GetCurrentUserRequest()


@pytest.fixture
def stub_of(stack):
    """`stub_of(auth, token, Stub)`: a client of another service of auth."""

    def connect(auth, token, stub):
        channels = Channels(BearerToken(token))
        stack.push_async_callback(channels.close)
        passing = (InvalidArgument, PermissionDenied, NotFound, FailedPrecondition)
        return stub(channels.open(auth.address, timeout=PATIENCE, passing=passing))

    return connect


async def until_refused(caller):
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await caller.GetCurrentUser(ME)
            except Unauthenticated as refused:
                return refused.reason
            await asyncio.sleep(0.02)


def ended(execution_id, team):
    payload = events_pb2.PipelineFailed(execution_id=execution_id, pipeline_id="p", error="was cancelled")
    return Event(
        type="fp.pipelines.failed", payload=payload, team=team, resource_id=execution_id, summary="ended", actor="ada"
    )


async def test_the_token_of_a_job_ends_with_its_execution_and_no_other_is_issued(auth, bus):
    pipeline = auth.pipeline()
    ttl = Duration(seconds=7_200)
    with acting_for("alpha", "ada"):
        of = {
            execution: await pipeline.IssueJobToken(
                auth_pb2.IssueJobTokenRequest(execution_id=execution, step_id="train", ttl=ttl)
            )
            for execution in ("e1", "e2")
        }
    one, other = (auth.caller(of[execution].access_token) for execution in ("e1", "e2"))
    await one.GetCurrentUser(ME)

    published = await bus.publish([ended("e1", "alpha")])

    assert not published.failed
    assert await until_refused(one) == "IDENTITY_ENDED"
    await other.GetCurrentUser(ME)
    with acting_for("alpha", "ada"), pytest.raises(FailedPrecondition):
        await pipeline.IssueJobToken(auth_pb2.IssueJobTokenRequest(execution_id="e1", step_id="train", ttl=ttl))


async def test_a_withdrawn_key_ends_its_tokens_in_every_replica_and_the_next_one_signs(auth, start, stub_of):
    second = await start()
    session = await auth.login()
    keys = stub_of(auth, session.access_token, signing_keys_pb2_grpc.SigningKeyServiceStub)
    kid = jwt.get_unverified_header(session.access_token)["kid"]
    assert kid in {
        key.kid for key in (await keys.ListSigningKeys(signing_keys_pb2.ListSigningKeysRequest())).signing_keys
    }

    await keys.WithdrawSigningKey(signing_keys_pb2.WithdrawSigningKeyRequest(kid=kid))

    for replica in (auth, second):
        assert await until_refused(replica.caller(session.access_token)) in ("IDENTITY_ENDED", "TOKEN_INVALID")
        fresh = await replica.login()
        assert jwt.get_unverified_header(fresh.access_token)["kid"] != kid
        for other in (auth, second):
            await other.caller(fresh.access_token).GetCurrentUser(ME)
    # A session outlives the key: its refresh token is no token that a key signs.
    renewed = await auth.caller().RefreshToken(auth_pb2.RefreshTokenRequest(refresh_token=session.refresh_token))
    await second.caller(renewed.access_token).GetCurrentUser(ME)


async def test_only_the_operator_sees_and_withdraws_signing_keys(auth, stub_of):
    admin = await auth.member("admin")
    keys = stub_of(auth, admin.token, signing_keys_pb2_grpc.SigningKeyServiceStub)
    with pytest.raises(PermissionDenied):
        await keys.ListSigningKeys(signing_keys_pb2.ListSigningKeysRequest())
    with pytest.raises(PermissionDenied):
        await keys.WithdrawSigningKey(signing_keys_pb2.WithdrawSigningKeyRequest(kid="any"))


async def test_a_disabled_service_account_is_out_in_a_moment_and_comes_back(auth, stub_of):
    admin = await auth.member("admin")
    accounts = stub_of(auth, admin.token, service_accounts_pb2_grpc.ServiceAccountServiceStub)
    pb = service_accounts_pb2
    request = pb.CreateServiceAccountRequest(name="ci", scopes=["models:read"])
    account = (await accounts.CreateServiceAccount(request)).service_account
    made = await accounts.CreateServiceAccountKey(
        pb.CreateServiceAccountKeyRequest(service_account_id=account.id, scopes=["models:read"], name="runner")
    )
    runner = auth.caller(made.raw_key)
    claims = (await runner.GetCurrentUser(ME)).claims
    assert (claims.user_id, claims.role, claims.name) == (account.id, "service-account", "ci")
    assert (made.api_key.service_account_id, made.api_key.user_id) == (account.id, "")

    assert (
        await accounts.DisableServiceAccount(pb.DisableServiceAccountRequest(id=account.id))
    ).service_account.disabled_at
    await until_refused(runner)
    await accounts.EnableServiceAccount(pb.EnableServiceAccountRequest(id=account.id))
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await runner.GetCurrentUser(ME)
                break
            except Unauthenticated:
                await asyncio.sleep(0.02)

    await accounts.DeleteServiceAccount(pb.DeleteServiceAccountRequest(id=account.id))
    await until_refused(runner)
    with pytest.raises(NotFound):
        await accounts.GetServiceAccount(pb.GetServiceAccountRequest(id=account.id))


async def test_who_has_a_role_that_is_narrowed_gets_a_smaller_token_at_once(auth, stub_of):
    admin, ada = await auth.member("admin"), await auth.member("viewer")
    roles = stub_of(auth, admin.token, roles_pb2_grpc.RoleServiceStub)
    wide = ["models:read", "models:write"]
    await roles.CreateRole(roles_pb2.CreateRoleRequest(name="keeper", scopes=wide))
    await admin.call.AssignRole(auth_pb2.AssignRoleRequest(user_id=ada.user.id, role_name="keeper"))
    session = await auth.login(ada.user.email)
    caller = auth.caller(session.access_token)
    assert sorted((await caller.GetCurrentUser(ME)).claims.scopes) == wide

    await roles.UpdateRole(roles_pb2.UpdateRoleRequest(name="keeper", scopes=["models:read"]))

    assert await until_refused(caller) == "IDENTITY_ENDED"
    renewed = await auth.caller().RefreshToken(auth_pb2.RefreshTokenRequest(refresh_token=session.refresh_token))
    claims = (await auth.caller(renewed.access_token).GetCurrentUser(ME)).claims
    assert (claims.role, list(claims.scopes)) == ("keeper", ["models:read"])
    listed = (await roles.ListRoles(roles_pb2.ListRolesRequest())).roles
    assert [role.name for role in listed if not role.built_in] == ["keeper"]
