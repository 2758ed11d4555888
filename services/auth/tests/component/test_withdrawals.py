"""Services ask auth what ended."""

import pytest
from forgepoint.auth.v1 import auth_pb2, withdrawals_pb2, withdrawals_pb2_grpc
from fp_kernel import PermissionDenied
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
