"""From a call to its entry in the audit log, through the bus, and back to those who may read it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from forgepoint.auth.v1 import audit_pb2, audit_pb2_grpc, auth_pb2
from forgepoint.events.v1.events_pb2 import AuditRecorded
from fp_events import Broadcast, Event, encoded
from fp_kernel import InvalidArgument, PermissionDenied, Unauthenticated
from fp_rpc import BearerToken, Channels
from fp_testkit.patience import PATIENCE

LOGIN = "/forgepoint.auth.v1.AuthService/Login"
LOGOUT = "/forgepoint.auth.v1.AuthService/Logout"
ACTOR = "0197d1a0-0000-7000-8000-00000000000a"


def told(method, source):
    """The record of a call, as if this service had told it."""
    payload = AuditRecorded(method=method, actor_id=ACTOR, status="OK")
    return Event("fp.audit.recorded", payload, "alpha", "", "somebody called", source=source)


@pytest.fixture
async def reader(auth, stack):
    """`await reader(token)`: the audit log as the holder of the token sees it."""

    def connect(token):
        channels = Channels(BearerToken(token))
        stack.push_async_callback(channels.close)
        return audit_pb2_grpc.AuditServiceStub(channels.open(auth.address, timeout=PATIENCE))

    return connect


async def entries(reader, least=1, **wanted):
    """As soon as there are so many."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = (await reader.ListAuditEntries(audit_pb2.ListAuditEntriesRequest(**wanted))).entries
            if len(found) >= least:
                return found
            await asyncio.sleep(0.05)


async def test_a_login_names_who_it_was_and_never_what_was_typed(auth, reader):
    session = await auth.login()
    with pytest.raises(Unauthenticated):
        await auth.login("hunter2@example.com", "correct horse battery")

    log = reader(session.access_token)
    (login,) = await entries(log, team="*", method=LOGIN, actor_id=session.user.id)
    assert (login.status, login.team, login.service, login.actor_role) == ("OK", "alpha", "auth", "operator")
    assert login.resource_id.startswith("typed:"), "the address is erased with the account, the log is not"
    (refused,) = [entry for entry in await entries(log, least=2, team="*") if entry.status == "UNAUTHENTICATED"]
    assert refused.resource_id.startswith("typed:")
    assert "127.0.0.1" not in str(await entries(log, team="*"))


async def test_the_log_and_its_stream_name_who_was_made_by_a_digest(auth, reader, bus):
    ada = await auth.member("engineer", email="ada@people.test")
    heard, enough = [], asyncio.Event()

    async def note(event):
        heard.append(event.payload)
        if any(each.method == LOGIN and each.actor_id == ada.user.id for each in heard):
            enough.set()

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        listening = group.create_task(bus.broadcast(Broadcast("test", ("fp.audit.>",), deliver="all"), note))
        await enough.wait()
        listening.cancel()

    made = next(each for each in heard if each.method.endswith("/CreateUser"))
    session = await auth.login()
    (entry,) = await entries(reader(session.access_token), team="*", actor_id=session.user.id, method=made.method)
    assert entry.resource_id == made.resource_id
    assert made.resource_id.startswith("typed:")
    assert "people.test" not in str(heard)


async def test_a_team_reads_its_own_entries_and_those_of_no_other(auth, reader):
    admin, other = await auth.member("admin"), await auth.member("admin", team="beta")
    viewer = await auth.member("viewer")
    request = auth_pb2.CreateAPIKeyRequest(scopes=["models:read"], name="ci")
    await other.call.CreateAPIKey(request)

    (created,) = await entries(reader(other.token), actor_id=other.user.id, method=f"{LOGIN[:-5]}CreateAPIKey")
    assert created.team == "beta"
    assert {entry.team for entry in await entries(reader(admin.token))} == {"alpha"}
    with pytest.raises(PermissionDenied):
        await entries(reader(viewer.token))


async def test_many_anonymous_logouts_leave_one_entry(auth, reader):
    for number in range(50):
        await auth.caller().Logout(auth_pb2.LogoutRequest(refresh_token=f"garbage-{number}"))
    token = (await auth.login()).access_token

    await entries(reader(token), team="*", least=2)
    logouts = [entry for entry in await entries(reader(token), team="*") if entry.method == LOGOUT]
    assert len(logouts) == 1


async def test_a_service_leaves_no_entry_in_the_name_of_another(auth, reader, bus):
    """Each of these comes under the one subject that registry may publish."""
    own = told("/forgepoint.registry.v1.RegistryService/ListModels", source="registry")
    as_auth, of_auth = told(LOGOUT, source="auth"), told(LOGOUT, source="registry")
    typed = replace(told(LOGOUT, source="auth"), type="fp.audit.recorded.registry")
    sent = (as_auth, of_auth, typed, own)
    await bus.send([replace(encoded(each), subject="fp.audit.recorded.registry") for each in sent])
    token = (await auth.login()).access_token

    await entries(reader(token), team="*", actor_id=ACTOR)
    assert [entry.service for entry in await entries(reader(token), team="*", actor_id=ACTOR)] == ["registry"]
    async with asyncio.timeout(PATIENCE):
        while len(buried := await bus.dead_letters.list()) < 3:
            await asyncio.sleep(0.05)
    assert {letter.reason for letter in buried} == {"TYPE_IS_NOT_ITS_SUBJECT", "NOT_ITS_CALL"}


async def test_the_operator_verifies_the_chain_and_exports_it(auth, reader):
    admin = reader((await auth.login()).access_token)
    written = await entries(admin, team="*")

    verified = [day async for day in admin.VerifyAuditLog(audit_pb2.VerifyAuditLogRequest())]
    assert [day.intact for day in verified] == [True]
    assert verified[0].entries >= len(written)
    exported = [
        entry
        async for answer in admin.ExportAuditEntries(audit_pb2.ExportAuditEntriesRequest(team="*"))
        for entry in answer.entries
    ]
    assert [entry.number for entry in exported] == list(range(1, len(exported) + 1))
    assert all(len(entry.mac) == 64 for entry in exported)


async def test_two_replicas_keep_one_chain(auth, start, reader):
    second = await start()
    for number in range(10):
        await (auth, second)[number % 2].member("viewer", email=f"user-{number}@example.com")
    admin = reader((await auth.login()).access_token)

    await entries(admin, team="*", least=20)
    assert [day.intact async for day in admin.VerifyAuditLog(audit_pb2.VerifyAuditLogRequest())] == [True]


async def test_bad_input_names_its_field(auth, reader):
    admin = reader((await auth.login()).access_token)

    with pytest.raises(InvalidArgument) as refused:
        _ = [day async for day in admin.VerifyAuditLog(audit_pb2.VerifyAuditLogRequest(from_day="yesterday"))]
    assert refused.value.fields[0].field == "from_day"
    with pytest.raises(InvalidArgument) as refused:
        await entries(admin, team="*", method=LOGIN)
    assert refused.value.fields[0].field == "method"
    later = audit_pb2.ListAuditEntriesRequest()
    getattr(later, "from").FromDatetime(datetime(2200, 1, 1, tzinfo=UTC))
    assert not (await admin.ListAuditEntries(later)).entries
