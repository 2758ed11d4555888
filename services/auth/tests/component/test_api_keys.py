from datetime import datetime, timedelta

import asyncpg
import pytest
from forgepoint.auth.v1 import auth_pb2
from fp_kernel import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Unauthenticated, new_id
from fp_testkit.wallclock import real_now
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp


def wanted(*scopes: str, **changes):
    return auth_pb2.CreateAPIKeyRequest(scopes=scopes or ("models:read",), **changes)


def who():
    return auth_pb2.GetCurrentUserRequest()


def at(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


@pytest.fixture
async def engineer(auth):
    return await auth.member("engineer")


async def test_a_key_is_a_credential_of_its_own(auth, engineer):
    made = await engineer.call.CreateAPIKey(wanted("models:read", name="ci"))
    assert made.raw_key.startswith(made.api_key.key_prefix)
    assert (len(made.raw_key), len(made.api_key.key_prefix), made.api_key.name) == (46, 8, "ci")
    claims = (await auth.caller(made.raw_key).GetCurrentUser(who())).claims
    assert (claims.user_id, claims.team, claims.role) == (engineer.user.id, "alpha", "engineer")
    assert (list(claims.scopes), claims.api_key_id) == (["models:read"], made.api_key.id)


async def test_a_key_is_limited_to_its_scopes(auth):
    session = await auth.login()
    made = await auth.caller(session.access_token).CreateAPIKey(wanted("models:read"))
    with pytest.raises(PermissionDenied):
        await auth.caller(made.raw_key).ListUsers(auth_pb2.ListUsersRequest())


async def test_the_database_holds_no_raw_key(engineer, settings):
    made = await engineer.call.CreateAPIKey(wanted(), metadata=(("idempotency-key", "once"),))
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    try:
        tables = await connection.fetch("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
                                        "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")  # fmt: skip
        for (table,) in tables:
            for row in await connection.fetch(f"SELECT * FROM {table}"):  # noqa: S608 -- names from the catalogue
                stored = b"".join(value if isinstance(value, bytes) else str(value).encode() for value in row.values())
                assert made.raw_key.encode() not in stored
    finally:
        await connection.close()


async def test_a_key_asked_for_twice_by_one_idempotency_key_is_one_key(engineer):
    once = (("idempotency-key", "once"),)
    first = await engineer.call.CreateAPIKey(wanted(), metadata=once)
    assert await engineer.call.CreateAPIKey(wanted(), metadata=once) == first
    assert len((await engineer.call.ListAPIKeys(auth_pb2.ListAPIKeysRequest())).api_keys) == 1


async def test_a_colleague_with_the_same_idempotency_key_gets_a_key_of_his_own(auth, engineer):
    once, colleague = (("idempotency-key", "once"),), await auth.member("engineer")
    mine = await engineer.call.CreateAPIKey(wanted(), metadata=once)
    assert (await colleague.call.CreateAPIKey(wanted(), metadata=once)).raw_key != mine.raw_key


BAD_KEYS = (
    (auth_pb2.CreateAPIKeyRequest(), "scopes"),
    (wanted("models:read", "models"), "scopes[1]"),
    (wanted(user_id="me"), "user_id"),
    (wanted(expires_at=Timestamp(seconds=1)), "expires_at"),
    (wanted(expires_at=Timestamp(seconds=10**15)), "expires_at"),
    (wanted(name="x" * 101), "name"),
)


async def test_bad_input_names_its_field(engineer):
    for request, field in BAD_KEYS:
        with pytest.raises(InvalidArgument) as refused:
            await engineer.call.CreateAPIKey(request)
        assert [violation.field for violation in refused.value.fields] == [field]


async def test_nobody_hands_out_more_than_he_has(engineer):
    with pytest.raises(PermissionDenied) as refused:
        await engineer.call.CreateAPIKey(wanted("models:read", "users:admin"))
    assert refused.value.message.startswith("scopes[1]")


async def test_an_admin_reaches_the_keys_of_his_team_and_no_other(auth, engineer):
    stranger = await auth.member("engineer", team="beta")
    foreign = await stranger.call.CreateAPIKey(wanted())
    mine = await engineer.call.CreateAPIKey(wanted())
    operator = await auth.operator()
    listed = await operator.ListAPIKeys(auth_pb2.ListAPIKeysRequest(user_id=engineer.user.id))
    assert [key.id for key in listed.api_keys] == [mine.api_key.id]
    assert (await operator.CreateAPIKey(wanted(user_id=engineer.user.id))).api_key.user_id == engineer.user.id
    for call in (
        operator.CreateAPIKey(wanted(user_id=stranger.user.id)),
        operator.ListAPIKeys(auth_pb2.ListAPIKeysRequest(user_id=stranger.user.id)),
        operator.RevokeAPIKey(auth_pb2.RevokeAPIKeyRequest(key_id=foreign.api_key.id)),
        operator.RotateAPIKey(auth_pb2.RotateAPIKeyRequest(key_id=foreign.api_key.id)),
        engineer.call.RevokeAPIKey(auth_pb2.RevokeAPIKeyRequest(key_id=foreign.api_key.id)),
        engineer.call.RevokeAPIKey(auth_pb2.RevokeAPIKeyRequest(key_id=new_id())),
    ):
        with pytest.raises(NotFound):
            await call
    with pytest.raises(PermissionDenied):
        await engineer.call.ListAPIKeys(auth_pb2.ListAPIKeysRequest(user_id=stranger.user.id))
    with pytest.raises(PermissionDenied):
        await engineer.call.CreateAPIKey(wanted(user_id=stranger.user.id))


async def test_a_revoked_key_is_refused_at_once_in_every_replica(auth, start, engineer):
    other = await start()
    made = await engineer.call.CreateAPIKey(wanted())
    caller = other.caller(made.raw_key)
    await caller.GetCurrentUser(who())
    await engineer.call.RevokeAPIKey(auth_pb2.RevokeAPIKeyRequest(key_id=made.api_key.id))
    with pytest.raises(Unauthenticated):
        await caller.GetCurrentUser(who())
    shown = await engineer.call.ListAPIKeys(auth_pb2.ListAPIKeysRequest(include_revoked=True))
    assert shown.api_keys[0].HasField("revoked_at")
    assert shown.api_keys[0].HasField("last_used_at")
    assert not (await engineer.call.ListAPIKeys(auth_pb2.ListAPIKeysRequest())).api_keys


async def test_a_rotation_overlaps(auth, engineer):
    old = await engineer.call.CreateAPIKey(wanted(expires_at=at(real_now() + timedelta(days=30))))
    request = auth_pb2.RotateAPIKeyRequest(
        key_id=old.api_key.id, overlap=Duration(seconds=3_600), idempotency_key="once"
    )
    new = await engineer.call.RotateAPIKey(request)
    assert await engineer.call.RotateAPIKey(request) == new
    assert new.raw_key != old.raw_key
    for raw in (old.raw_key, new.raw_key):
        await auth.caller(raw).GetCurrentUser(who())
    keys = (await engineer.call.ListAPIKeys(auth_pb2.ListAPIKeysRequest())).api_keys
    assert keys[0].expires_at.seconds < keys[1].expires_at.seconds


async def test_a_rotation_without_overlap_ends_the_old_key(auth, engineer):
    old = await engineer.call.CreateAPIKey(wanted())
    await engineer.call.RotateAPIKey(auth_pb2.RotateAPIKeyRequest(key_id=old.api_key.id))
    with pytest.raises(Unauthenticated):
        await auth.caller(old.raw_key).GetCurrentUser(who())
    with pytest.raises(FailedPrecondition):
        await engineer.call.RotateAPIKey(auth_pb2.RotateAPIKeyRequest(key_id=old.api_key.id))


async def test_an_overlap_has_bounds(engineer):
    for seconds in (-1, 8 * 24 * 3_600, 10**11):
        with pytest.raises(InvalidArgument) as refused:
            await engineer.call.RotateAPIKey(
                auth_pb2.RotateAPIKeyRequest(key_id=new_id(), overlap=Duration(seconds=seconds))
            )
        assert [violation.field for violation in refused.value.fields] == ["overlap"]


async def test_services_and_jobs_own_no_keys(auth):
    pipeline = auth.pipeline()
    with pytest.raises(PermissionDenied):
        await pipeline.CreateAPIKey(wanted())


async def test_a_key_for_something_else_manages_no_keys(auth, engineer):
    """Once it could revoke all other keys of its owner, and make itself a twin."""
    other = await engineer.call.CreateAPIKey(wanted())
    narrow = auth.caller((await engineer.call.CreateAPIKey(wanted("predictions:create"))).raw_key)
    for call in (
        narrow.CreateAPIKey(wanted("predictions:create")),
        narrow.ListAPIKeys(auth_pb2.ListAPIKeysRequest()),
        narrow.RevokeAPIKey(auth_pb2.RevokeAPIKeyRequest(key_id=other.api_key.id)),
        narrow.RotateAPIKey(auth_pb2.RotateAPIKeyRequest(key_id=other.api_key.id)),
    ):
        with pytest.raises(PermissionDenied) as refused:
            await call
        assert refused.value.reason == "PERMISSION_MISSING"


async def test_a_key_says_which_key_made_it(auth, engineer):
    maker = await engineer.call.CreateAPIKey(wanted("models:read", "api-keys:write"))
    made = await auth.caller(maker.raw_key).CreateAPIKey(wanted())
    assert made.api_key.created_by_key_id == maker.api_key.id
    assert maker.api_key.created_by_key_id == ""
    await engineer.call.RevokeAPIKey(auth_pb2.RevokeAPIKeyRequest(key_id=maker.api_key.id))
    listed = await engineer.call.ListAPIKeys(auth_pb2.ListAPIKeysRequest())
    assert not listed.api_keys
