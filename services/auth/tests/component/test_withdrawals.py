"""Services ask auth what ended."""

import asyncio
import hashlib

import jwt
import pytest
from forgepoint.auth.v1 import (
    auth_pb2,
    signing_keys_pb2,
    signing_keys_pb2_grpc,
    withdrawals_pb2,
    withdrawals_pb2_grpc,
)
from fp_kernel import PermissionDenied, Unauthenticated
from fp_rpc import BearerToken, Channels, ServiceCredential
from fp_testkit.patience import PATIENCE

SECRET = "the-pipeline-shows-this-secret"


async def asked(auth, stack, credential):
    channels = Channels(credential)
    stack.push_async_callback(channels.close)
    stub = withdrawals_pb2_grpc.WithdrawalServiceStub(
        channels.open(auth.address, timeout=PATIENCE, passing=(PermissionDenied,))
    )
    answers = stub.ListWithdrawals(withdrawals_pb2.ListWithdrawalsRequest())
    return [each async for answer in answers for each in answer.withdrawals]


async def test_a_service_is_told_and_nobody_else(auth, stack):
    engineer = await auth.member("engineer")
    key = await engineer.call.CreateAPIKey(auth_pb2.CreateAPIKeyRequest(scopes=["models:read"]))
    await engineer.call.RevokeAPIKey(auth_pb2.RevokeAPIKeyRequest(key_id=key.api_key.id))
    credential = ServiceCredential("pipeline", SECRET, auth.address)
    stack.push_async_callback(credential.close)

    (withdrawal,) = await asked(auth, stack, credential)

    assert (withdrawal.kind, withdrawal.id, withdrawal.HasField("before")) == ("api_key", key.api_key.id, False)
    with pytest.raises(PermissionDenied):
        await asked(auth, stack, BearerToken(engineer.token))


async def test_a_token_names_the_session_that_it_came_from(auth):
    session = await auth.login()
    claims = (await auth.caller(session.access_token).GetCurrentUser(auth_pb2.GetCurrentUserRequest())).claims
    renewed = await auth.caller().RefreshToken(auth_pb2.RefreshTokenRequest(refresh_token=session.refresh_token))
    again = (await auth.caller(renewed.access_token).GetCurrentUser(auth_pb2.GetCurrentUserRequest())).claims
    other = (await (await auth.operator()).GetCurrentUser(auth_pb2.GetCurrentUserRequest())).claims
    assert claims.session_id == again.session_id
    assert claims.session_id != other.session_id


@pytest.fixture
def watch(stack):
    """`watch(replica, token)`: what a runtime hears of signing keys there."""

    def begin(replica, token):
        channels = Channels(BearerToken(token))
        stack.push_async_callback(channels.close)
        opened = channels.open(replica.address, timeout=PATIENCE, passing=(PermissionDenied,))
        stub = withdrawals_pb2_grpc.WithdrawalServiceStub(opened)
        return stub.WatchSigningKeys(withdrawals_pb2.WatchSigningKeysRequest())

    return begin


async def test_a_runtime_hears_at_once_of_a_key_that_is_withdrawn_at_another_replica(start, stack, watch, settings):
    credentials = settings.auth_service_credentials + f",serving={hashlib.sha256(SECRET.encode()).hexdigest()}"
    auth, other = [await start(auth_service_credentials=credentials) for _ in range(2)]
    operator = (await auth.login()).access_token
    channels = Channels(BearerToken(operator))
    stack.push_async_callback(channels.close)
    keys = signing_keys_pb2_grpc.SigningKeyServiceStub(channels.open(auth.address, timeout=PATIENCE))
    token = await other.service_token("serving")
    own = jwt.get_unverified_header(token)["kid"]
    listed = (await keys.ListSigningKeys(signing_keys_pb2.ListSigningKeysRequest())).signing_keys
    (next_key,) = [each.kid for each in listed if each.kid != own]
    watching = watch(other, token)
    async with asyncio.timeout(PATIENCE):
        assert not (await watching.read()).withdrawals

        await keys.WithdrawSigningKey(signing_keys_pb2.WithdrawSigningKeyRequest(kid=next_key))

        assert [each.id for each in (await watching.read()).withdrawals] == [next_key]

        await keys.WithdrawSigningKey(signing_keys_pb2.WithdrawSigningKeyRequest(kid=own))

        with pytest.raises(Unauthenticated):
            while await watching.read():
                pass
        again = await watch(other, await other.service_token("serving")).read()
        assert {each.id for each in again.withdrawals} == {next_key, own}


async def test_nobody_but_a_runtime_watches_the_signing_keys(auth, watch):
    for token in (await auth.service_token("pipeline"), (await auth.login()).access_token):
        with pytest.raises(PermissionDenied):
            await watch(auth, token).read()
