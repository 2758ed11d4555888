"""A peer that ends a stream of requests before all of them were sent."""

import asyncio

import grpc
import pytest
from fp_kernel import NotFound
from fp_rpc.client import peer_status
from fp_rpc.client.peer_status import PeerStatus

MADE_UP = "Internal error from Core"


def trailers_of(details):
    """A peer's status has trailers; the one that gRPC makes up has none."""
    return grpc.aio.Metadata() if details == MADE_UP else grpc.aio.Metadata(("x", "1"))


class Call:
    """A bare call whose status is set by the test, as often as gRPC does."""

    def __init__(self):
        self._callbacks = []
        self._status = None

    def add_done_callback(self, callback):
        self._callbacks.append(callback)

    def set(self, code, details):
        self._status = (code, details)
        for callback in self._callbacks:
            callback(self)
        return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailers_of(details), details)

    async def code(self):
        return self._status[0]

    async def details(self):
        return self._status[1]

    async def trailing_metadata(self):
        return trailers_of(self._status[1])


@pytest.fixture
def call():
    return Call()


async def test_a_status_that_comes_after_a_made_up_one_is_waited_for(call):
    watched = PeerStatus(call)
    made_up = call.set(grpc.StatusCode.INTERNAL, MADE_UP)
    asking = asyncio.ensure_future(watched.of_peer(made_up))
    await asyncio.sleep(0)
    call.set(grpc.StatusCode.NOT_FOUND, "it is gone")

    seen = await asking

    assert (seen.code(), seen.details(), seen.trailing_metadata()["x"]) == (
        grpc.StatusCode.NOT_FOUND, "it is gone", "1",
    )  # fmt: skip


async def test_a_status_that_a_made_up_one_hides_is_kept(call):
    watched = PeerStatus(call)
    call.set(grpc.StatusCode.NOT_FOUND, "it is gone")

    seen = await watched.of_peer(call.set(grpc.StatusCode.INTERNAL, MADE_UP))

    assert seen.details() == "it is gone"


async def test_a_good_end_that_a_made_up_status_hides_is_no_failure(call):
    watched = PeerStatus(call)
    call.set(grpc.StatusCode.OK, "")

    assert await watched.of_peer(call.set(grpc.StatusCode.INTERNAL, MADE_UP)) is None


async def test_a_made_up_status_stays_when_nothing_else_comes(call, monkeypatch):
    monkeypatch.setattr(peer_status, "_PATIENCE", 0.0)
    watched = PeerStatus(call)
    made_up = call.set(grpc.StatusCode.INTERNAL, MADE_UP)

    assert await watched.of_peer(made_up) is made_up


async def test_any_other_failure_is_the_peers(call):
    watched = PeerStatus(call)
    failure = call.set(grpc.StatusCode.INTERNAL, "internal error")

    assert await watched.of_peer(failure) is failure


async def some(shapes):
    for text in "abc":
        yield shapes.pb.Request(text=text)


# Which side is first is up to the kernel: a few rounds see both orders.
rounds = pytest.mark.parametrize("attempt", range(8))


@rounds
async def test_an_error_before_all_was_read_arrives(serve, shapes, keys, scripted, attempt):
    async def impatient(requests, context):
        yield shapes.pb.Response(text="first")
        raise NotFound("it is gone")

    scripted.both = impatient
    call = (await serve()).stub(keys.sign()).Both(some(shapes))

    assert (await call.read()).text == "first"
    with pytest.raises(NotFound, match="it is gone"):
        await call.read()


@rounds
async def test_an_end_before_all_was_read_is_an_end(serve, shapes, keys, scripted, attempt):
    async def satisfied(requests, context):
        yield shapes.pb.Response(text="enough")

    scripted.both = satisfied
    call = (await serve()).stub(keys.sign()).Both(some(shapes))

    assert [answer.text async for answer in call] == ["enough"]


@rounds
async def test_an_answer_before_all_was_read_is_the_answer(serve, shapes, keys, scripted, attempt):
    async def satisfied(requests, context):
        return shapes.pb.Response(text="enough")

    scripted.in_ = satisfied

    assert (await (await serve()).stub(keys.sign()).In(some(shapes))).text == "enough"


async def test_a_refused_stream_tells_its_writer_why(serve, shapes, keys, scripted):
    async def refusing(requests, context):
        raise NotFound("it is gone")

    scripted.in_ = refusing
    call = (await serve()).stub(keys.sign()).In()

    with pytest.raises(NotFound, match="it is gone"):
        await write_until_refused(call, shapes)


async def write_until_refused(call, shapes):
    while True:
        await call.write(shapes.pb.Request(text="x"))


async def test_a_writer_that_comes_late_is_told_why_the_stream_ended(serve, shapes, keys, scripted):
    async def refusing(requests, context):
        raise NotFound("it is gone")
        yield

    scripted.both = refusing
    call = (await serve()).stub(keys.sign()).Both()
    with pytest.raises(NotFound):
        await call.read()

    with pytest.raises(NotFound, match="it is gone"):
        await call.write(shapes.pb.Request(text="x"))


async def test_a_writer_that_comes_after_a_good_end_is_not_held(serve, shapes, keys, scripted):
    async def satisfied(requests, context):
        yield shapes.pb.Response(text="enough")

    scripted.both = satisfied
    call = (await serve()).stub(keys.sign()).Both()
    assert [answer.text async for answer in call] == ["enough"]

    await call.write(shapes.pb.Request(text="x"))
    await call.done_writing()


async def test_a_write_after_the_last_one_is_a_mistake(serve, shapes, keys):
    call = (await serve()).stub(keys.sign()).Both()
    await call.write(shapes.pb.Request(text="x"))
    await call.done_writing()

    with pytest.raises(asyncio.InvalidStateError):
        await call.write(shapes.pb.Request(text="y"))
    assert [answer.text async for answer in call] == ["both x"]
