"""Which calls are tried again when a peer fails."""

import grpc
import pytest
from fp_kernel import InvalidArgument, NotFound, Unavailable
from fp_rpc import ChannelPolicy, RetryPolicy
from fp_telemetry import Metrics
from fp_testkit.patience import PATIENCE

RETRY = RetryPolicy(attempts=3, first_backoff=0.001)
ONE = "forgepoint.rpctest.v1.ShapesService/One"


def away():
    """A refusal that a repeat can heal."""
    return Unavailable("warming up", retry_after=0.0)


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
    stub = connect(peer.address, policy=ChannelPolicy(retry=RETRY, retry_ratio=0.0, retry_burst=3.0))
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
    stub = connect(peer.address, timeout=PATIENCE)
    peer.script = [Unavailable("later", retry_after=2 * PATIENCE)]

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
    policy = ChannelPolicy(retry=RETRY, idempotent=frozenset({"/forgepoint.rpctest.v1.ShapesService/Write"}))
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
