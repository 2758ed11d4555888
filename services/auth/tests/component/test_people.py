"""Somebody is disabled at one replica and ends at every other; a password is reset without a mail server."""

import asyncio

import pytest
from forgepoint.auth.v1 import auth_pb2, invitations_pb2_grpc, people_pb2, people_pb2_grpc
from forgepoint.auth.v1 import invitations_pb2 as pb
from fp_kernel import PermissionDenied, Unauthenticated
from fp_rpc import BearerToken, Channels
from fp_testkit.patience import PATIENCE

OTHER = "another-hill-with-7-trees"


@pytest.fixture
def people(stack):
    """The stub of the service, with a token, at a replica."""

    def at(replica, token=""):
        channels = Channels(BearerToken(token) if token else None)
        stack.push_async_callback(channels.close)
        return people_pb2_grpc.PeopleServiceStub(channels.open(replica.address, timeout=PATIENCE))

    return at


async def until_refused(stub):
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await stub.GetCurrentUser(auth_pb2.GetCurrentUserRequest())
            except Unauthenticated as refused:
                return refused.reason
            await asyncio.sleep(0)


async def test_who_is_disabled_at_one_replica_is_refused_by_every_other(auth, start, people):
    other = await start()
    member = await auth.member("engineer")
    key = (await member.call.CreateAPIKey(auth_pb2.CreateAPIKeyRequest(scopes=["models:read"]))).raw_key
    elsewhere = other.caller(member.token)
    await elsewhere.GetCurrentUser(auth_pb2.GetCurrentUserRequest())

    operator = people(auth, (await auth.login()).access_token)
    answer = await operator.DisableUser(people_pb2.DisableUserRequest(user_id=member.user.id))

    assert answer.user.HasField("disabled_at")
    assert await until_refused(elsewhere) == "IDENTITY_ENDED"
    assert await until_refused(member.call) == "IDENTITY_ENDED"
    with pytest.raises(Unauthenticated):
        await other.caller(key).GetCurrentUser(auth_pb2.GetCurrentUserRequest())
    with pytest.raises(PermissionDenied) as refused:
        await other.login(member.user.email)
    assert refused.value.reason == "USER_DISABLED"

    await operator.EnableUser(people_pb2.EnableUserRequest(user_id=member.user.id))
    fresh = await other.login(member.user.email)
    await other.caller(fresh.access_token).GetCurrentUser(auth_pb2.GetCurrentUserRequest())
    await other.caller(key).GetCurrentUser(auth_pb2.GetCurrentUserRequest())


async def test_without_mail_the_operator_hands_over_a_link_that_works_once(auth, people):
    member = await auth.member("viewer")
    operator = people(auth, (await auth.login()).access_token)

    delivery = (await operator.ResetUserPassword(people_pb2.ResetUserPasswordRequest(user_id=member.user.id))).delivery

    assert not delivery.mailed
    token = delivery.link.partition("/reset-password?token=")[2]
    request = people_pb2.CompletePasswordResetRequest(token=token, new_password=OTHER)
    await people(auth).CompletePasswordReset(request)
    with pytest.raises(Exception, match="used or over"):
        await people(auth).CompletePasswordReset(request)
    with pytest.raises(Unauthenticated):
        await auth.login(member.user.email)
    assert await until_refused(member.call) == "IDENTITY_ENDED"


async def test_sessions_are_seen_and_ended_over_the_wire(auth, people):
    member = await auth.member("viewer")
    second = await auth.login(member.user.email)
    mine = people(auth, second.access_token)

    sessions = (await mine.ListSessions(people_pb2.ListSessionsRequest())).sessions

    assert [each.current for each in sessions] == [False, True]
    assert {each.address for each in sessions} == {"127.0.0.1"}
    await mine.EndSession(people_pb2.EndSessionRequest(session_id=sessions[0].id))
    assert await until_refused(member.call) == "IDENTITY_ENDED"
    await mine.GetUser(people_pb2.GetUserRequest())
    await mine.LogOutEverywhere(people_pb2.LogOutEverywhereRequest(myself=True))
    assert await until_refused(auth.caller(second.access_token)) == "IDENTITY_ENDED"


async def test_a_key_changes_nothing_about_the_account_of_its_owner(auth, people):
    """Whoever finds the key of an admin must not lock him out of his own account."""
    owner = await auth.member("admin")
    stub = people(auth, (await owner.call.CreateAPIKey(auth_pb2.CreateAPIKeyRequest(scopes=["*:*"]))).raw_key)
    calls = (
        stub.UpdateProfile(people_pb2.UpdateProfileRequest(name="Eve")),
        stub.ChangePassword(people_pb2.ChangePasswordRequest(old_password="x", new_password=OTHER)),
        stub.ListSessions(people_pb2.ListSessionsRequest()),
        stub.LogOutEverywhere(people_pb2.LogOutEverywhereRequest(myself=True)),
    )
    for call in calls:
        with pytest.raises(PermissionDenied) as refused:
            await call
        assert refused.value.reason == "LOGIN_REQUIRED"


async def test_an_invitation_over_the_wire_makes_an_account_with_the_role_that_was_given(auth, stack):
    def stub(token=""):
        channels = Channels(BearerToken(token) if token else None)
        stack.push_async_callback(channels.close)
        opened = channels.open(auth.address, timeout=PATIENCE, passing=(PermissionDenied,))
        return invitations_pb2_grpc.InvitationServiceStub(opened)

    admin = await auth.member("admin")
    call = stub(admin.token)
    made = await call.CreateInvitation(pb.CreateInvitationRequest(email="bea@example.com", role_name="engineer"))
    assert not made.delivery.mailed
    listed = (await call.ListInvitations(pb.ListInvitationsRequest())).invitations
    assert [(each.id, each.role_name, each.invited_by) for each in listed] == [
        (made.invitation.id, "engineer", admin.user.id)
    ]

    token = made.delivery.link.partition("/accept-invitation?token=")[2]
    user = (await stub().AcceptInvitation(pb.AcceptInvitationRequest(token=token, name="Bea", password=OTHER))).user

    assert (user.team, user.role) == ("alpha", "engineer")
    assert (await auth.login("bea@example.com", OTHER)).user.id == user.id
    engineer = stub((await auth.login("bea@example.com", OTHER)).access_token)
    for team in ("", "beta"):
        with pytest.raises(PermissionDenied):
            await engineer.CreateInvitation(pb.CreateInvitationRequest(email="cy@example.com", team=team))
    with pytest.raises(PermissionDenied):
        await call.CreateInvitation(pb.CreateInvitationRequest(email="cy@example.com", team="beta"))
