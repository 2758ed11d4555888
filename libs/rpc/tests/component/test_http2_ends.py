"""How calls of a client that speaks plain HTTP/2 end: by their deadline, and by a stop."""

import asyncio

import pytest
import pytest_asyncio
from fp_rpc.http2 import connection as connections
from fp_rpc.http2 import frames
from fp_rpc.http2.connection import Connection
from fp_rpc.http2.frames import Code, frame
from fp_rpc.http2.listener import Http2Policy, Http2Server
from fp_testkit.patience import PATIENCE


async def test_a_deadline_ends_the_call_of_a_client_that_is_silent(serve, keys, speaker, running_calls):
    running, entered = running_calls
    client = await speaker(running)
    client.send(client.call(1, keys.sign(), b"", ("grpc-timeout", "50m")))
    await entered.wait()

    assert await client.status(1) == "4"
    assert running.sample("grpc_in_flight") == 0


@pytest_asyncio.fixture
async def running_calls(serve, scripted):
    """A server whose calls never end, and what is set when one has begun."""
    entered = asyncio.Event()

    async def one(request, context):
        entered.set()
        await asyncio.get_running_loop().create_future()

    scripted.one = one
    return await serve(), entered


async def test_calls_behind_a_goaway_are_not_begun_and_end_none_that_runs(
    serve, shapes, scripted, keys, speaker, until
):
    entered, go = [], asyncio.Event()

    async def one(request, context):
        entered.append(request)
        await go.wait()
        return shapes.pb.Response()

    scripted.one = one
    running = await serve()
    client = await speaker(running)
    client.send(client.call(1, keys.sign(), b""))
    await until(lambda: entered)
    stopping = asyncio.ensure_future(running.server.stop(PATIENCE))
    await client.until(lambda: client.of(frames.GOAWAY))

    client.send(client.call(3, keys.sign(), b""), frames.window_update(3, 5), frames.reset(3, Code.CANCEL))
    client.send(frame(frames.PING, 0, 0, bytes(8)))
    await client.until(lambda: client.of(frames.PING))
    go.set()

    assert await client.status(1) == "0"
    await stopping
    assert int.from_bytes(client.of(frames.GOAWAY)[0][:4]) == 1
    assert client.of(frames.HEADERS, 3) == []
    assert len(entered) == 1


async def test_an_answer_that_nobody_takes_is_given_up_at_the_deadline(serve, shapes, scripted, keys, speaker, until):
    async def one(request, context):
        return shapes.pb.Response(payload=bytes(200_000))

    scripted.one = one
    running = await serve()
    client = await speaker(running)
    client.send(client.call(1, keys.sign(), b"", ("grpc-timeout", "100m")))

    await client.until(lambda: client.of(frames.RST_STREAM, 1))
    await until(lambda: running.sample("grpc_in_flight") == 0)


async def test_whoever_cancels_calls_that_run_does_not_end_those_beside_them(serve, shapes, scripted, keys, speaker):
    """Behind a proxy they are of others."""
    entered, go = asyncio.Queue(), asyncio.Event()

    async def one(request, context):
        entered.put_nowait(None)
        await go.wait()
        return shapes.pb.Response()

    scripted.one = one
    client = await speaker(await serve())
    token = keys.sign()
    client.send(client.call(1, token, b""))
    await entered.get()
    for begun in range(3, 4_603, 200):
        numbers = range(begun, begun + 200, 2)
        client.send(*[client.call(number, token, b"") for number in numbers])
        async with asyncio.timeout(PATIENCE):
            for _ in numbers:
                await entered.get()
        client.send(*[frames.reset(number, Code.CANCEL) for number in numbers])
    go.set()

    assert await client.status(1) == "0"


async def test_resets_of_a_call_that_was_reset_are_not_taken_without_end(speaker, keys, running_calls):
    running, entered = running_calls
    client = await speaker(running)
    client.send(client.call(1, keys.sign(), b""))
    await entered.wait()
    client.send(*[frames.reset(1, Code.CANCEL)] * 3_000)

    assert (await client.end())[0] is Code.ENHANCE_YOUR_CALM


class Deaf(asyncio.Transport):
    """To a peer that takes nothing: only a cut ends it."""

    cut = closing = False

    def write(self, data):
        pass

    def is_closing(self):
        return self.closing

    def close(self):
        self.closing = True

    def abort(self):
        self.cut = True


@pytest_asyncio.fixture
async def deaf():
    """A transport, and the connection on it."""
    server = Http2Server(Http2Policy(calls=1, streams=1, header_bytes=1, shortest_ping=1.0, largest_message=1))
    transport, connection = Deaf(), Connection(server, asyncio.get_running_loop())
    return transport, connection


async def test_a_closed_connection_whose_peer_takes_nothing_is_cut(deaf, monkeypatch, until):
    monkeypatch.setattr(connections, "_CLOSING_SECONDS", 0.01)
    transport, connection = deaf
    connection.connection_made(transport)
    connection.end()
    connection.data_received(frames.PREFACE)

    assert transport.closing
    await until(lambda: transport.cut)


async def test_who_does_not_greet_is_not_waited_for(deaf, monkeypatch, until):
    monkeypatch.setattr(connections, "_PREFACE_SECONDS", 0.01)
    transport, connection = deaf
    connection.connection_made(transport)

    await until(lambda: transport.closing)


@pytest.mark.parametrize("ended", [False, True])
async def test_a_connection_that_is_lost_leaves_no_timer(deaf, ended):
    transport, connection = deaf
    connection.connection_made(transport)
    timers = [connection._cut]
    if ended:
        connection.end()
        timers.append(connection._cut)
    connection.connection_lost(None)

    assert all(timer.cancelled() for timer in timers)
    assert connection._cut is None


async def test_who_greeted_has_no_timer_any_more(deaf):
    transport, connection = deaf
    connection.connection_made(transport)
    timer = connection._cut
    connection.data_received(frames.PREFACE)

    assert timer.cancelled()


async def test_a_stop_waits_for_a_call_whose_client_is_gone(serve, scripted, keys, speaker):
    entered, cancelled, go, ended = asyncio.Event(), asyncio.Event(), asyncio.Event(), []

    async def one(request, context):
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
            await go.wait()
            ended.append(request)

    scripted.one = one
    running = await serve()
    client = await speaker(running)
    client.send(client.call(1, keys.sign(), b""))
    await entered.wait()
    await client.close()
    await cancelled.wait()
    stopping = asyncio.ensure_future(running.server.stop(PATIENCE))
    asyncio.get_running_loop().call_later(0.05, go.set)
    await stopping

    assert len(ended) == 1
