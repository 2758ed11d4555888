"""Which calls are sent again when a peer fails, and who says so."""

import asyncio

import grpc
import pytest
from fp_kernel import Backoff, InvalidArgument, NotFound, Unavailable
from fp_rpc import ChannelPolicy, RetryPolicy
from fp_telemetry import Metrics
from fp_testkit.patience import PATIENCE

RETRY = RetryPolicy(attempts=3, backoff=Backoff(first=0.005, longest=1.0))
ONE = "forgepoint.rpctest.v1.ShapesService/One"


def away():
    """A refusal that a repeat can heal."""
    return Unavailable("warming up", retry_after=0.0)


async def test_an_unavailable_peer_is_asked_again(peer, connect, shapes):
    metrics = Metrics("caller")
    stub = connect(peer.address, metrics=metrics)
    peer.script = [away(), away(), None]

    assert (await stub.One(shapes.pb.Request())).text == "done"

    assert len(peer.calls) == 3
    assert metrics.registry.get_sample_value("fp_caller_grpc_client_requests_total", {"method": ONE, "code": "OK"}) == 1


async def test_a_server_counts_what_is_sent_to_it_again(serve, shapes, keys, scripted):
    failing = [away()]

    async def one(request, context):
        if failing:
            raise failing.pop()
        return shapes.pb.Response()

    scripted.one = one
    running = await serve()

    await running.stub(keys.sign()).One(shapes.pb.Request())

    assert running.sample("grpc_repeated_requests_total", method=ONE) == 1


async def test_a_peer_that_stays_away_ends_the_tries(peer, connect, shapes):
    stub = connect(peer.address)
    peer.script = [away() for _ in range(9)]

    with pytest.raises(Unavailable, match="warming up"):
        await stub.One(shapes.pb.Request())

    assert len(peer.calls) == 3


async def test_the_budget_ends_retries_before_they_become_the_load(peer, connect, shapes):
    retry = RetryPolicy(attempts=3, backoff=Backoff(first=0.005, longest=1.0), tokens=10, ratio=0.1)
    stub = connect(peer.address, policy=ChannelPolicy(retry=retry))
    peer.script = [away() for _ in range(99)]

    for _ in range(20):
        with pytest.raises(Unavailable):
            await stub.One(shapes.pb.Request())

    assert 20 < len(peer.calls) <= 20 + 5


@pytest.mark.parametrize("error", [NotFound("gone"), InvalidArgument("bad"), Unavailable("for good"), RuntimeError])
async def test_nothing_else_is_sent_again(peer, connect, shapes, error):
    stub = connect(peer.address)
    peer.script = [grpc.StatusCode.INTERNAL if error is RuntimeError else error]

    with pytest.raises(Exception, match=r"gone|bad|for good|internal error"):
        await stub.One(shapes.pb.Request())

    assert len(peer.calls) == 1


@pytest.mark.parametrize(("wait", "seconds"), [(2 * PATIENCE, PATIENCE), (0.9, 0.5)])
async def test_a_promise_beyond_the_deadline_or_beyond_a_second_does_not_hide_the_refusal(
    peer, connect, shapes, wait, seconds
):
    stub = connect(peer.address)
    peer.script = [Unavailable("later", retry_after=wait)]

    with pytest.raises(Unavailable, match="later") as refused:
        await stub.One(shapes.pb.Request(), timeout=seconds)

    assert refused.value.retry_after == wait
    assert len(peer.calls) == 1


async def test_a_promise_of_less_than_a_second_is_taken(peer, connect, shapes):
    stub = connect(peer.address)
    peer.script = [Unavailable("soon", retry_after=0.25)]

    await stub.One(shapes.pb.Request())

    assert len(peer.calls) == 2


async def test_a_lost_read_is_repeated_and_a_lost_write_is_not(peer, connect, shapes):
    stub = connect(peer.address)

    peer.script = [grpc.StatusCode.UNAVAILABLE]
    await stub.One(shapes.pb.Request())
    peer.script = [grpc.StatusCode.UNAVAILABLE]
    with pytest.raises(Unavailable) as lost:
        await stub.Write(shapes.pb.Request())

    assert len(peer.calls) == 3
    assert lost.value.message == "a peer is unavailable"


async def test_a_refused_write_without_a_key_is_not_repeated_whatever_the_peer_promises(peer, connect, shapes):
    stub = connect(peer.address)
    peer.script = [away()]

    with pytest.raises(Unavailable, match="warming up"):
        await stub.Write(shapes.pb.Request())

    assert len(peer.calls) == 1


async def test_a_write_with_a_key_is_repeated(peer, connect, shapes):
    stub = connect(peer.address)

    peer.script = [grpc.StatusCode.UNAVAILABLE]
    await stub.Write(shapes.pb.Request(idempotency_key="k"))
    peer.script = [away()]
    await stub.Write(shapes.pb.Request(), metadata=(("idempotency-key", "k"),))

    assert len(peer.calls) == 4


async def test_a_large_request_is_repeated_like_a_small_one(peer, connect, shapes):
    stub = connect(peer.address)
    peer.script = [grpc.StatusCode.UNAVAILABLE]

    await stub.One(shapes.pb.Request(payload=bytes(1_000_000)))

    assert len(peer.calls) == 2


async def test_a_lost_write_that_the_policy_calls_idempotent_is_repeated(peer, connect, shapes):
    policy = ChannelPolicy(retry=RETRY, idempotent=frozenset({"/forgepoint.rpctest.v1.ShapesService/Write"}))
    peer.script = [grpc.StatusCode.UNAVAILABLE]

    await connect(peer.address, policy=policy).Write(shapes.pb.Request())

    assert len(peer.calls) == 2


async def test_a_write_waits_for_a_peer_that_is_about_to_come(serve, shapes, keys, free_port, connect_slowly):
    stub = connect_slowly(f"127.0.0.1:{free_port}", keys.service(scopes=["models:write"]))
    writing = asyncio.ensure_future(stub.Write(shapes.pb.Request(text="x")))
    await asyncio.sleep(0)

    await serve(address=f"127.0.0.1:{free_port}")

    assert (await writing).text == "one x"


async def test_a_write_to_a_peer_that_is_away_fails_and_says_no_address(connect, shapes):
    stub = connect("127.0.0.1:1")

    with pytest.raises(Unavailable) as refused:
        await stub.Write(shapes.pb.Request())

    assert "127.0.0.1" not in refused.value.message


async def test_channels_that_were_opened_apart_wait_for_no_back_off_of_each_other(peer, connect, shapes):
    """They share no connection, so that none of them finds the lost one of another that was there before."""
    first, other = connect(peer.address), connect(peer.address)
    for call in (first.One, first.Write, other.One):
        await call(shapes.pb.Request())

    read, written, by_other = peer.connections
    assert read == written != by_other


async def test_a_stream_is_sent_again_before_its_first_message_only(peer, connect, shapes):
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
