"""What outgoing calls carry, and how they end."""

import asyncio

import grpc
import pytest
from fp_kernel import DeadlineExceeded, Unauthenticated, Unavailable
from fp_rpc import BearerToken, ChannelPolicy
from fp_rpc.identity.caller import of_bearer
from fp_telemetry import Metrics, correlation_id

ONE = "forgepoint.rpctest.v1.ShapesService/One"


async def test_a_call_carries_token_and_correlation_id(peer, connect, shapes):
    stub = connect(peer.address, credential=BearerToken("t-1"))
    correlation_id.set("c-1")

    await stub.One(shapes.pb.Request())

    metadata, _ = peer.calls[0]
    assert (metadata["authorization"], metadata["x-correlation-id"]) == ("Bearer t-1", "c-1")


async def test_headers_of_the_caller_win(peer, connect, shapes):
    stub = connect(peer.address, credential=BearerToken("t-1"))
    correlation_id.set("c-1")
    own = (("authorization", "Bearer own"), ("x-correlation-id", "own"), ("x-more", "1"))

    await stub.One(shapes.pb.Request(), metadata=own)

    metadata, _ = peer.calls[0]
    assert [metadata[key] for key, _ in own] == [value for _, value in own]


async def test_a_call_has_the_deadline_of_its_channel_or_its_own(peer, connect, shapes):
    stub = connect(peer.address, timeout=700.0)

    await stub.One(shapes.pb.Request())
    await stub.One(shapes.pb.Request(), timeout=200.0)
    await stub.Out(shapes.pb.Request()).read()

    of_channel, own, of_stream = (remaining for _, remaining in peer.calls)
    # gRPC rounds time-outs up on the wire.
    assert 600 < of_channel < 750
    assert 100 < own < 250
    assert 3_000 < of_stream < 3_700


async def test_a_call_inside_a_handler_ends_before_the_incoming_one(serve, peer, connect, shapes, keys, scripted):
    stub = connect(peer.address, timeout=600.0, policy=ChannelPolicy(margin=30.0))

    async def forwarding(request, context):
        await stub.Out(request).read()
        return await stub.One(request)

    scripted.one = forwarding
    front = (await serve()).stub(keys.sign())

    await front.One(shapes.pb.Request(), timeout=90.0)
    with pytest.raises(DeadlineExceeded, match="no time is left"):
        await front.One(shapes.pb.Request(), timeout=25.0)

    assert len(peer.calls) == 2
    assert all(remaining <= 66 for _, remaining in peer.calls)


async def test_a_cancelled_call_cancels_the_peer(peer, connect, shapes, until):
    metrics = Metrics("caller")
    stub = connect(peer.address, metrics=metrics)
    peer.script = [asyncio.Event()]
    call = asyncio.ensure_future(stub.One(shapes.pb.Request()))
    await until(lambda: bool(peer.calls))

    call.cancel()
    await asyncio.wait([call])

    assert call.cancelled()
    sample = metrics.registry.get_sample_value(
        "fp_caller_grpc_client_requests_total", {"method": ONE, "code": "CANCELLED"}
    )
    assert sample == 1


async def test_an_answer_may_be_awaited_again(peer, connect, shapes):
    call = connect(peer.address).One(shapes.pb.Request())

    assert await call is await call
    assert len(peer.calls) == 1
    assert call.done()
    assert await call.code() is grpc.StatusCode.OK


async def test_a_call_that_nobody_awaited_has_not_started(peer, connect, shapes):
    call = connect(peer.address).One(shapes.pb.Request())

    with pytest.raises(grpc.aio.UsageError, match="has not started"):
        await call.trailing_metadata()
    assert call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert peer.calls == []


def refused_bearer():
    return of_bearer(Unauthenticated("unknown key"))


class Rotating:
    """A service credential whose token can be had anew."""

    acts_for_others = True

    def __init__(self, *tokens):
        self._tokens = list(tokens)

    def ready(self):
        return self._tokens[0]

    async def token(self):
        return self._tokens[0]

    def refused(self, token):
        if len(self._tokens) == 1:
            return False
        self._tokens.pop(0)
        return True


async def test_a_refused_service_token_is_renewed_once(peer, connect, shapes):
    stub = connect(peer.address, credential=Rotating("old", "new"))
    peer.script = [refused_bearer()]

    await stub.Write(shapes.pb.Request())

    assert [metadata["authorization"] for metadata, _ in peer.calls] == ["Bearer old", "Bearer new"]


async def test_a_service_token_that_stays_refused_is_not_the_callers_fault(peer, connect, shapes):
    stub = connect(peer.address, credential=Rotating("old", "new"))
    peer.script = [refused_bearer(), refused_bearer()]

    with pytest.raises(Unavailable) as raised:
        await stub.Write(shapes.pb.Request())

    assert raised.value.reason == "SERVICE_TOKEN_REFUSED"
    assert len(peer.calls) == 2


async def test_what_a_peer_says_of_another_credential_is_its_answer(peer, connect, shapes):
    stub = connect(peer.address, credential=Rotating("old", "new"))
    peer.script = [Unauthenticated("the key that you ask about is unknown", reason="API_KEY_INVALID")]

    with pytest.raises(Unauthenticated) as raised:
        await stub.Write(shapes.pb.Request())

    assert raised.value.reason == "API_KEY_INVALID"
    assert len(peer.calls) == 1


@pytest.mark.parametrize("method", ["One", "Out", "In", "Both"])
async def test_a_refused_token_of_a_user_is_told_to_the_user(peer, connect, shapes, method):
    stub = connect(peer.address, credential=BearerToken("expired"))
    peer.script = [Unauthenticated("expired", reason="TOKEN_EXPIRED")]
    call = getattr(stub, method)(*([shapes.pb.Request()] if method in ("One", "Out") else []))

    with pytest.raises(Unauthenticated) as raised:
        await (call.read() if method in ("Out", "Both") else call)

    assert raised.value.reason == "TOKEN_EXPIRED"


async def test_a_token_that_cannot_be_had_fails_the_call(peer, connect, shapes):
    class Nothing(Rotating):
        def ready(self):
            return None

        async def token(self):
            raise Unavailable("auth is away")

    stub = connect(peer.address, credential=Nothing("x"))

    with pytest.raises(Unavailable, match="auth is away"):
        await stub.One(shapes.pb.Request())

    assert peer.calls == []
