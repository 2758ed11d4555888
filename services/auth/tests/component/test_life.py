"""Start, replicas, rotation, events, and stores that go away."""

import asyncio
import base64
import json
import urllib.request
from datetime import timedelta

import jwt
import pytest
from forgepoint.auth.v1 import auth_pb2
from fp_auth.adapters.keyring import RsaKeyFactory
from fp_auth.adapters.postgres.signing_keys import PostgresSigningKeys
from fp_auth.adapters.postgres.transactions import PostgresTransaction
from fp_auth.adapters.sealing import Sealer
from fp_auth.app.rotate_signing_keys import RotateSigningKeys
from fp_events import Broadcast
from fp_kernel import PermissionDenied, Unauthenticated
from fp_postgres import Database, DatabaseTransactions
from fp_runtime import StartFailed
from fp_testkit.clock import ManualClock
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import real_now
from pydantic import SecretStr

PASSWORD = "a-river-and-9-lanterns"


def who():
    return auth_pb2.GetCurrentUserRequest()


def kids(answer: auth_pb2.GetJWKSResponse) -> set[str]:
    return {key["kid"] for key in json.loads(answer.jwks_json)["keys"]}


async def rotate(settings) -> None:
    """As another replica does when the period is over."""
    database = await Database.connect(settings.database_url.get_secret_value(), source="auth")
    try:
        clock, sealer = ManualClock(real_now() + timedelta(days=31)), Sealer([b"k" * 32], "signing-keys")
        keys, transactions = PostgresSigningKeys(database), DatabaseTransactions(database, PostgresTransaction)
        assert await RotateSigningKeys(keys, transactions, RsaKeyFactory(sealer), clock)()
    finally:
        await database.close()


async def test_two_replicas_that_start_at_once_share_keys_admin_and_tokens(start):
    one, other = await asyncio.gather(start(), start())
    jwks = [await replica.caller().GetJWKS(auth_pb2.GetJWKSRequest()) for replica in (one, other)]
    assert kids(jwks[0]) == kids(jwks[1])
    assert len(kids(jwks[0])) == 2
    session = await one.login()
    assert (await other.caller(session.access_token).GetCurrentUser(who())).claims.user_id == session.user.id


async def test_a_rotation_keeps_old_tokens_valid_and_new_replicas_sign_with_the_new_key(auth, start, settings):
    old = await auth.login()
    await rotate(settings)
    restarted = await start()
    new = await restarted.login()
    headers = [jwt.get_unverified_header(session.access_token)["kid"] for session in (old, new)]
    assert headers[0] != headers[1]
    for replica in (auth, restarted):
        for session in (old, new):
            await replica.caller(session.access_token).GetCurrentUser(who())


async def test_the_first_operator_survives_a_restart_with_another_password_in_the_environment(auth, start):
    other = await start(auth_bootstrap_password=SecretStr("some-other-8-lanterns"))
    await other.login()
    with pytest.raises(Unauthenticated):
        await other.login(password="some-other-8-lanterns")


async def test_dev_makes_up_a_password_and_prints_it_once(start, capsys):
    first = await start(auth_bootstrap_password=SecretStr(""))
    printed = capsys.readouterr().out
    password = printed.partition("password: ")[2].split()[0]
    await first.login(password=password)
    await start(auth_bootstrap_password=SecretStr(""))
    assert "password" not in capsys.readouterr().out


async def test_production_makes_up_nothing(start, capsys):
    replica = await start(auth_bootstrap_password=SecretStr(""), env="prod")
    assert capsys.readouterr().out == ""
    with pytest.raises(Unauthenticated):
        await replica.login()


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"auth_bootstrap_password": SecretStr("password1234")}, "FP_AUTH_BOOTSTRAP"),
        ({"auth_bootstrap_email": "nobody"}, "FP_AUTH_BOOTSTRAP"),
    ],
)
async def test_a_start_that_fails_names_the_setting(start, changes, variable):
    with pytest.raises(StartFailed, match=variable) as failed:
        await start(**changes)
    assert "password1234" not in str(failed.value)


async def test_another_encryption_key_stops_the_start(auth, start):
    stranger = SecretStr(base64.b64encode(b"x" * 32).decode())
    with pytest.raises(StartFailed, match="FP_AUTH_KEY_ENCRYPTION_KEY"):
        await start(auth_key_encryption_key=stranger)
    both = f"{stranger.get_secret_value()},{base64.b64encode(b'k' * 32).decode()}"
    await start(auth_key_encryption_key=SecretStr(both))


async def test_every_change_reaches_the_bus_once_with_its_team_and_actor(auth, bus):
    seen: asyncio.Queue = asyncio.Queue()
    watcher = asyncio.ensure_future(bus.broadcast(Broadcast("watch", ("fp.auth.>",), deliver="all"), seen.put))
    try:
        admin = await auth.login()
        engineer = await auth.member("engineer")
        key = await engineer.call.CreateAPIKey(auth_pb2.CreateAPIKeyRequest(scopes=["models:read"]))
        await engineer.call.RevokeAPIKey(auth_pb2.RevokeAPIKeyRequest(key_id=key.api_key.id))
        async with asyncio.timeout(PATIENCE):
            events = [await seen.get() for _ in range(4)]
    finally:
        watcher.cancel()
    assert [(event.type, event.actor) for event in events] == [
        ("fp.auth.user.created", "auth"),
        ("fp.auth.user.created", admin.user.id),
        ("fp.auth.apikey.rotated", engineer.user.id),
        ("fp.auth.apikey.revoked", engineer.user.id),
    ]
    assert {(event.team, event.source) for event in events} == {("alpha", "auth")}
    assert [event.sequence for event in events if event.resource_id == key.api_key.id] == [1, 2]


async def test_auth_works_while_the_bus_is_away_and_says_degraded(start):
    replica = await start(nats_url=SecretStr("nats://127.0.0.1:1"))
    await replica.member("engineer")
    response = await asyncio.to_thread(urllib.request.urlopen, f"{replica.service.http_url}/readyz")
    with response:
        assert response.status == 200
        assert "degraded" in response.read().decode()


async def test_logins_and_denials_reach_the_audit_log(auth, bus):
    seen: asyncio.Queue = asyncio.Queue()
    watcher = asyncio.ensure_future(bus.broadcast(Broadcast("watch", ("fp.audit.>",), deliver="all"), seen.put))
    try:
        member = await auth.member("viewer")
        with pytest.raises(PermissionDenied):
            await member.call.ListUsers(auth_pb2.ListUsersRequest())
        async with asyncio.timeout(PATIENCE):
            records = [(await seen.get()).payload for _ in range(4)]
    finally:
        watcher.cancel()
    audited = {(record.method.rpartition("/")[2], record.status) for record in records}
    assert audited == {("Login", "OK"), ("CreateUser", "OK"), ("ListUsers", "PERMISSION_DENIED")}
