"""How calls of a client that speaks plain HTTP/2 end: by their deadline, and by a stop."""

import asyncio

import pytest_asyncio
from fp_rpc.http2 import frames
from fp_rpc.http2.frames import Code, frame
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
