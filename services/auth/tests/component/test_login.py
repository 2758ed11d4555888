import itertools
import logging

import pytest
from forgepoint.auth.v1 import auth_pb2
from fp_kernel import InvalidArgument, ResourceExhausted, Unauthenticated
from fp_rpc.identity.caller import ADDRESS_AUDIENCE

PASSWORD = "a-river-and-9-lanterns"


def credentials(email="admin@example.com", password=PASSWORD):
    return auth_pb2.LoginRequest(email=email, password=password)


async def test_a_login_fills_every_field_of_its_answer(auth):
    answer = await auth.login("Admin@Example.com")
    assert (answer.user.email, answer.user.team, answer.user.role) == ("admin@example.com", "alpha", "operator")
    assert answer.user.HasField("created_at")
    assert 890 < answer.expires_at.seconds - answer.user.created_at.seconds < 1_000
    assert answer.refresh_token.startswith("fpr_")
    assert answer.refresh_expires_at.seconds > answer.expires_at.seconds


async def test_a_wrong_password_and_an_unknown_user_are_unauthenticated(auth):
    for request in (credentials(password="wrong"), credentials(email="nobody@example.com")):
        with pytest.raises(Unauthenticated) as refused:
            await auth.caller().Login(request)
        assert refused.value.reason == "WRONG_CREDENTIALS"


BAD_LOGINS = (
    (credentials(email=""), "email"),
    (credentials(email="not an address"), "email"),
    (credentials(password=""), "password"),
)


async def test_bad_input_names_its_field(auth):
    for request, field in BAD_LOGINS:
        with pytest.raises(InvalidArgument) as refused:
            await auth.caller().Login(request)
        assert [violation.field for violation in refused.value.fields] == [field]


async def _until_locked(*replicas):
    """How many wrong passwords were answered before the refusal, and the refusal."""
    for tries in itertools.count():
        try:
            await replicas[tries % len(replicas)].caller().Login(credentials(password="wrong"))
        except Unauthenticated:
            continue
        except ResourceExhausted as refused:
            return tries, refused
    raise AssertionError("it never locks")


async def test_a_locked_account_says_when_to_come_back(start):
    auth = await start(auth_login_free=3, auth_login_pause=3_600.0)
    tries, refused = await _until_locked(auth)
    assert (tries, refused.reason) == (3, "LOGIN_LOCKED")
    assert refused.retry_after > 0


async def test_a_lock_holds_in_every_replica(start):
    slow = {"auth_login_free": 4, "auth_login_pause": 3_600.0}
    tries, _ = await _until_locked(await start(**slow), await start(**slow))
    assert tries == 4, "each alone would have heard four of them"


async def test_only_the_gateway_is_believed_about_its_clients_address(start):
    """Any process inside could once name a new address with each guess, and was never stopped."""
    auth = await start(auth_login_free=2, auth_login_pause=3_600.0)
    stub, gateway = auth.caller(), await auth.service_token("gateway", audience=ADDRESS_AUDIENCE)

    async def guess(number, *proof):
        metadata = (("fp-client-address", f"203.0.113.{number}"), *proof)
        await stub.Login(credentials(password="wrong"), metadata=metadata)

    for number in range(5):
        with pytest.raises(Unauthenticated):
            await guess(number, ("fp-forwarded-by", gateway))
    for number in (5, 6):
        with pytest.raises(Unauthenticated):
            await guess(number)
    with pytest.raises(ResourceExhausted):
        await guess(7)
    with pytest.raises(ResourceExhausted):
        await guess(8, ("fp-forwarded-by", await auth.service_token("pipeline", audience=ADDRESS_AUDIENCE)))
    with pytest.raises(ResourceExhausted):
        await guess(9, ("fp-forwarded-by", await auth.service_token("gateway")))


async def test_a_refresh_rotates_and_reuse_kills_the_family(auth, start):
    other = await start()
    first = await auth.login()
    second = await other.caller().RefreshToken(auth_pb2.RefreshTokenRequest(refresh_token=first.refresh_token))
    assert second.user == first.user
    who = await auth.caller(second.access_token).GetCurrentUser(auth_pb2.GetCurrentUserRequest())
    assert who.claims.user_id == first.user.id
    third = await auth.caller().RefreshToken(auth_pb2.RefreshTokenRequest(refresh_token=second.refresh_token))
    with pytest.raises(Unauthenticated) as reused:
        await auth.caller().RefreshToken(auth_pb2.RefreshTokenRequest(refresh_token=first.refresh_token))
    assert reused.value.reason == "REFRESH_TOKEN_REUSED"
    with pytest.raises(Unauthenticated):
        await auth.caller().RefreshToken(auth_pb2.RefreshTokenRequest(refresh_token=third.refresh_token))


async def test_a_logout_ends_the_session(auth):
    session = await auth.login()
    await auth.caller().Logout(auth_pb2.LogoutRequest(refresh_token=session.refresh_token))
    with pytest.raises(Unauthenticated):
        await auth.caller().RefreshToken(auth_pb2.RefreshTokenRequest(refresh_token=session.refresh_token))


async def test_a_refresh_token_that_cannot_be_one_is_named(auth):
    for call in (
        auth.caller().RefreshToken(auth_pb2.RefreshTokenRequest()),
        auth.caller().RefreshToken(auth_pb2.RefreshTokenRequest(refresh_token="x" * 1_000)),
        auth.caller().Logout(auth_pb2.LogoutRequest()),
    ):
        with pytest.raises(InvalidArgument) as refused:
            await call
        assert [violation.field for violation in refused.value.fields] == ["refresh_token"]


async def test_nothing_secret_is_logged_or_kept(auth, caplog, settings):
    caplog.set_level(logging.DEBUG)
    member = await auth.member("engineer")
    made = await member.call.CreateAPIKey(auth_pb2.CreateAPIKeyRequest(scopes=["models:read"]))
    with pytest.raises(Unauthenticated):
        await auth.caller("fp_" + "a" * 43).GetCurrentUser(auth_pb2.GetCurrentUserRequest())
    secrets = (PASSWORD, made.raw_key, member.token, member.refresh_token, "fp_" + "a" * 43)
    logged = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert not any(secret in logged for secret in secrets)
