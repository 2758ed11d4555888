import asyncio

import grpc
import pytest
from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from forgepoint.billing.v1 import billing_pb2, billing_pb2_grpc
from forgepoint.events.v1.events_pb2 import ApiKeyRevoked
from fp_events import Broadcast, Event


def bearer(token):
    return (("authorization", f"Bearer {token}"),)


async def status_of(call):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code()


async def test_a_revoked_api_key_is_forgotten_long_before_its_half_minute_is_over(edge, channel, bus):
    key = edge.issuer.api_key(role="admin", key_id="key-7")
    stub = billing_pb2_grpc.BillingServiceStub(channel)

    async def ask():
        return await status_of(stub.GetUsage(billing_pb2.GetUsageRequest(), metadata=bearer(key)))

    assert await ask() is grpc.StatusCode.UNIMPLEMENTED
    edge.issuer.keys.pop(key)
    assert await ask() is grpc.StatusCode.UNIMPLEMENTED  # remembered

    async with asyncio.timeout(10):
        # Told again and again, because the gateway may not listen yet.
        while await ask() is not grpc.StatusCode.UNAUTHENTICATED:
            payload = ApiKeyRevoked(key_id="key-7")
            await bus.publish([Event("fp.auth.apikey.revoked", payload, "alpha", "key-7", "A key was revoked.")])


async def test_an_internal_rpc_that_was_tried_from_outside_reaches_the_audit_log(edge, channel, bus):
    seen = asyncio.Queue()
    watcher = asyncio.ensure_future(bus.broadcast(Broadcast("watch", ("fp.audit.>",), deliver="all"), seen.put))
    try:
        metadata = bearer(edge.issuer.identity.engineer("alpha"))
        call = auth_pb2_grpc.AuthServiceStub(channel).IssueJobToken(
            auth_pb2.IssueJobTokenRequest(execution_id="e"), metadata=metadata
        )
        assert await status_of(call) is grpc.StatusCode.PERMISSION_DENIED
        async with asyncio.timeout(10):
            event = await seen.get()
    finally:
        watcher.cancel()
    assert (event.source, event.team) == ("gateway", "alpha")
    assert (event.payload.method, event.payload.status) == (
        "/forgepoint.auth.v1.AuthService/IssueJobToken",
        "PERMISSION_DENIED",
    )
