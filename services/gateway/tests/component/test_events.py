import asyncio

import grpc
import httpx
import jwt
import pytest
from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from forgepoint.billing.v1 import billing_pb2, billing_pb2_grpc
from forgepoint.events.v1.events_pb2 import ApiKeyRevoked
from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc
from fp_events import Broadcast, Event
from fp_testkit.patience import PATIENCE


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

    async with asyncio.timeout(PATIENCE):
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
        async with asyncio.timeout(PATIENCE):
            event = await seen.get()
    finally:
        watcher.cancel()
    assert (event.source, event.team) == ("gateway", "alpha")
    assert (event.payload.method, event.payload.status) == (
        "/forgepoint.auth.v1.AuthService/IssueJobToken",
        "PERMISSION_DENIED",
    )


async def test_the_audit_tells_where_the_caller_sits_and_not_what_he_says(edge, bus):
    seen = asyncio.Queue()
    watcher = asyncio.ensure_future(bus.broadcast(Broadcast("watch", ("fp.audit.>",), deliver="all"), seen.put))
    forged = {"fp-client-address": "203.0.113.7", "fp-forwarded-by": edge.issuer.identity.service("gateway")}
    elsewhere = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
    try:
        async with (
            asyncio.timeout(60),
            httpx.AsyncClient(transport=elsewhere, base_url=edge.http, timeout=PATIENCE) as http,
        ):
            # The gateway has its own token soon after its start.
            while "fp-forwarded-by" not in dict(edge.registry.calls[-1].metadata if edge.registry.calls else ()):
                await http.get("/api/v1/models/abc", headers=edge.headers())
            job = edge.headers(edge.issuer.identity.token(role="job", team="alpha"))
            assert (await http.get("/api/v1/usage", headers=job | forged)).status_code == 403
            event = await seen.get()
    finally:
        watcher.cancel()

    assert event.payload.peer == "ipv4:127.0.0.2"
    metadata = edge.registry.calls[-1].metadata
    assert metadata["fp-client-address"] == "127.0.0.2"
    # Every service sees it with each call: it proves the address and calls nothing.
    proof = jwt.decode(metadata["fp-forwarded-by"], options={"verify_signature": False})
    assert (proof["sub"], proof["aud"], proof["scopes"]) == ("gateway", "forgepoint-client-address", [])


async def test_a_grpc_caller_does_not_say_where_he_sits(edge, channel):
    metadata = (
        *bearer(edge.issuer.identity.engineer()),
        ("fp-client-address", "203.0.113.7"),
        ("fp-forwarded-by", edge.issuer.identity.service("gateway")),
    )

    await registry_pb2_grpc.RegistryServiceStub(channel).GetModel(
        registry_pb2.GetModelRequest(name="m"), metadata=metadata
    )

    assert edge.registry.calls[0].metadata["fp-client-address"] == "127.0.0.1"
