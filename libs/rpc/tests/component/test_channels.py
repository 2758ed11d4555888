"""What outgoing calls carry, and what they do when a peer fails."""

import asyncio

import grpc
import pytest
import pytest_asyncio
from fp_kernel import DeadlineExceeded, InvalidArgument, NotFound, Unauthenticated, Unavailable
from fp_rpc import BearerToken, ChannelPolicy, Channels, RetryPolicy, to_status
from fp_rpc.errors import of_bearer
from fp_telemetry import Metrics, correlation_id

QUICK = ChannelPolicy(retry=RetryPolicy(attempts=3, first_backoff=0.001))
ONE = "forgepoint.rpctest.v1.ShapesService/One"


class Peer:
    """A bare server that fails as it is told: `script` holds one outcome a call, None for success."""

    def __init__(self, shapes):
        self._shapes = shapes
        self.script = []
        self.calls = []
        self.address = ""

    async def answer(self, request, context):
        self.calls.append((dict(context.invocation_metadata()), context.time_remaining()))
        outcome = self.script.pop(0) if self.script else None
        if isinstance(outcome, Exception):
            code, message, status = to_status(outcome)
            await context.abort(code, message, (("grpc-status-details-bin", status),))
        if isinstance(outcome, grpc.StatusCode):
            await context.abort(outcome, "from grpc itself: ipv4:10.0.0.7:9090")
        if isinstance(outcome, asyncio.Event):
            await outcome.wait()
        return self._shapes.pb.Response(text="done")

    async def stream(self, request, context):
        yield await self.answer(request, context)
        if self.script:
            await self.answer(request, context)


@pytest_asyncio.fixture
async def peer(shapes):
    peer = Peer(shapes)

    class Servicer(shapes.rpc.ShapesServiceServicer):
        async def One(self, request, context):
            return await peer.answer(request, context)

        Write = Open = One

        async def In(self, requests, context):
            return await peer.answer(None, context)

        async def Out(self, request, context):
            async for answer in peer.stream(request, context):
                yield answer

        async def Both(self, requests, context):
            async for answer in peer.stream(None, context):
                yield answer

    server = grpc.aio.server()
    shapes.rpc.add_ShapesServiceServicer_to_server(Servicer(), server)
    peer.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield peer
    await server.stop(None)


@pytest_asyncio.fixture
async def connect(shapes):
    opened = []

    def stub(address, *, credential=None, policy=QUICK, timeout=5.0, metrics=None):
        opened.append(Channels(credential, policy, metrics=metrics))
        return shapes.rpc.ShapesServiceStub(opened[-1].open(address, timeout=timeout))

    yield stub
    for channels in opened:
        await channels.close()


def away():
    """A refusal that a repeat can heal."""
    return Unavailable("warming up", retry_after=0.0)


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
    stub = connect(peer.address, timeout=7.0)

    await stub.One(shapes.pb.Request())
    await stub.One(shapes.pb.Request(), timeout=2.0)
    await stub.Out(shapes.pb.Request()).read()

    of_channel, own, of_stream = (remaining for _, remaining in peer.calls)
    assert 6.0 < of_channel < 7.5
    assert 1.0 < own < 2.5
    assert 3_000 < of_stream < 3_700


async def test_a_call_inside_a_handler_ends_before_the_incoming_one(serve, peer, connect, shapes, keys, scripted):
    stub = connect(peer.address, timeout=60.0, policy=ChannelPolicy(margin=0.5))

    async def forwarding(request, context):
        await stub.Out(request).read()
        return await stub.One(request)

    scripted.one = forwarding
    front = (await serve()).stub(keys.sign())

    await front.One(shapes.pb.Request(), timeout=3.0)
    with pytest.raises(DeadlineExceeded, match="no time is left"):
        await front.One(shapes.pb.Request(), timeout=0.4)

    assert len(peer.calls) == 2
    assert all(remaining <= 2.6 for _, remaining in peer.calls)


async def test_an_unavailable_peer_is_tried_again(peer, connect, shapes):
    metrics = Metrics("caller")
    stub = connect(peer.address, metrics=metrics)
    peer.script = [away(), away(), None]

    assert (await stub.One(shapes.pb.Request())).text == "done"

    assert len(peer.calls) == 3
    assert metrics.registry.get_sample_value("fp_caller_grpc_client_retries_total", {"method": ONE}) == 2
    assert metrics.registry.get_sample_value("fp_caller_grpc_client_requests_total", {"method": ONE, "code": "OK"}) == 1


async def test_a_peer_that_stays_away_ends_the_tries(peer, connect, shapes):
    stub = connect(peer.address)
    peer.script = [away() for _ in range(9)]

    with pytest.raises(Unavailable, match="warming up"):
        await stub.One(shapes.pb.Request())

    assert len(peer.calls) == 3


async def test_the_budget_ends_retries_before_they_become_the_load(peer, connect, shapes):
    stub = connect(peer.address, policy=ChannelPolicy(retry=QUICK.retry, retry_ratio=0.0, retry_burst=3.0))
    peer.script = [away() for _ in range(99)]

    for _ in range(10):
        with pytest.raises(Unavailable):
            await stub.One(shapes.pb.Request())

    assert len(peer.calls) == 10 + 3


@pytest.mark.parametrize("error", [NotFound("gone"), InvalidArgument("bad"), Unavailable("for good"), RuntimeError])
async def test_nothing_else_is_tried_again(peer, connect, shapes, error):
    stub = connect(peer.address)
    peer.script = [grpc.StatusCode.INTERNAL if error is RuntimeError else error]

    with pytest.raises(Exception, match=r"gone|bad|for good|internal error"):
        await stub.One(shapes.pb.Request())

    assert len(peer.calls) == 1


async def test_a_retry_that_would_outlast_the_deadline_is_not_made(peer, connect, shapes):
    stub = connect(peer.address, timeout=0.5)
    peer.script = [Unavailable("later", retry_after=0.9)]

    with pytest.raises(Unavailable):
        await stub.One(shapes.pb.Request())

    assert len(peer.calls) == 1


async def test_a_lost_read_is_repeated_and_a_lost_write_is_not(peer, connect, shapes):
    stub = connect(peer.address)

    peer.script = [grpc.StatusCode.UNAVAILABLE]
    await stub.One(shapes.pb.Request())
    peer.script = [grpc.StatusCode.UNAVAILABLE]
    with pytest.raises(Unavailable) as lost:
        await stub.Write(shapes.pb.Request())

    assert len(peer.calls) == 3
    assert lost.value.message == "a peer is unavailable"


async def test_a_lost_write_with_a_key_is_repeated(peer, connect, shapes):
    stub = connect(peer.address)

    peer.script = [grpc.StatusCode.UNAVAILABLE]
    await stub.Write(shapes.pb.Request(idempotency_key="k"))
    peer.script = [grpc.StatusCode.UNAVAILABLE]
    await stub.Write(shapes.pb.Request(), metadata=(("idempotency-key", "k"),))

    assert len(peer.calls) == 4


async def test_a_lost_write_that_the_policy_calls_idempotent_is_repeated(peer, connect, shapes):
    policy = ChannelPolicy(retry=QUICK.retry, idempotent=frozenset({"/forgepoint.rpctest.v1.ShapesService/Write"}))
    peer.script = [grpc.StatusCode.UNAVAILABLE]

    await connect(peer.address, policy=policy).Write(shapes.pb.Request())

    assert len(peer.calls) == 2


async def test_a_write_that_never_left_is_repeated_until_the_peer_is_there(connect, shapes, until):
    metrics = Metrics("caller")
    stub = connect("127.0.0.1:1", metrics=metrics)

    with pytest.raises(Unavailable) as refused:
        await stub.Write(shapes.pb.Request())

    method = "forgepoint.rpctest.v1.ShapesService/Write"
    assert metrics.registry.get_sample_value("fp_caller_grpc_client_retries_total", {"method": method}) == 2
    assert "127.0.0.1" not in refused.value.message


async def test_a_stream_is_tried_again_before_its_first_message_only(peer, connect, shapes):
    stub = connect(peer.address)
    peer.script = [away(), None, away()]
    call = stub.Out(shapes.pb.Request())

    assert (await call.read()).text == "done"
    with pytest.raises(Unavailable):
        await call.read()

    assert len(peer.calls) == 3


@pytest.mark.parametrize("method", ["In", "Both"])
async def test_a_stream_of_requests_is_never_sent_again(peer, connect, shapes, method):
    stub = connect(peer.address)
    peer.script = [away()]
    call = getattr(stub, method)()

    with pytest.raises(Unavailable):
        await (call if method == "In" else call.read())

    assert len(peer.calls) == 1


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
        async def token(self):
            raise Unavailable("auth is away")

    stub = connect(peer.address, credential=Nothing("x"))

    with pytest.raises(Unavailable, match="auth is away"):
        await stub.One(shapes.pb.Request())

    assert peer.calls == []
