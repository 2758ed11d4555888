"""Clients that hold or ask more than they should, and honest ones that look like them."""

import asyncio

import pytest
from fp_rpc.http2 import frames
from fp_rpc.http2.frames import Code, frame

from libs.rpc.tests.component.raw_http2 import CALL, GRPC

_INITIAL_WINDOW = b"\0\4"


async def test_who_takes_a_large_answer_may_widen_windows_and_measure_as_often_as_he_likes(
    serve, shapes, keys, speaker, scripted
):
    async def one(request, context):
        return shapes.pb.Response(payload=bytes(16_000_000))

    scripted.one = one
    client = await speaker(await serve())
    client.send(client.call(1, keys.sign(), b""))
    taken = 0
    while taken < 16_000_000:
        await client.until(lambda: client.closed or client.data(1))
        assert not client.closed
        more = client.take(1)
        taken += more
        # As clients that measure how wide a window should be do it: a ping beside the windows, again and again.
        client.send(frame(frames.PING, 0, 0, bytes(8)))
        for _ in range(16):
            client.send(frames.window_update(0, more // 16), frames.window_update(1, more // 16))
        client.send(frames.window_update(0, more % 16 or 1), frames.window_update(1, more % 16 or 1))

    assert await client.status(1) == "0"


async def test_the_last_of_many_first_windows_holds_for_streams_begun_before(serve, shapes, keys, speaker, scripted):
    entered, asked = asyncio.Event(), asyncio.Event()

    async def one(request, context):
        entered.set()
        await asked.wait()
        return shapes.pb.Response(payload=bytes(5_000))

    scripted.one = one
    client = await speaker(await serve())
    client.send(client.call(1, keys.sign(), b""))
    await entered.wait()
    client.send(frame(frames.SETTINGS, 0, 0, b"".join(_INITIAL_WINDOW + n.to_bytes(4) for n in range(1_001))))
    client.send(frame(frames.PING, 0, 0, bytes(8)))
    await client.until(lambda: client.of(frames.PING))
    asked.set()

    await client.until(lambda: client.data(1))
    assert len(client.data(1)) == 1_000
    client.send(frame(frames.SETTINGS, 0, 0, _INITIAL_WINDOW + (6_000).to_bytes(4)))
    assert await client.status(1) == "0"
    kinds = [kind for kind, *_ in client.frames]
    assert kinds[-3:] == [frames.SETTINGS, frames.DATA, frames.HEADERS]


async def test_padding_counts_for_the_window_of_its_stream(serve, shapes, keys, speaker):
    client = await speaker(await serve())
    client.send(client.head(1, ""), frame(frames.DATA, frames.PADDED, 1, bytes([255]) + b"\0" + bytes(255)))

    await client.until(lambda: client.of(frames.WINDOW_UPDATE, 1) or client.of(frames.HEADERS, 1))
    assert client.of(frames.WINDOW_UPDATE, 1) == [(256).to_bytes(4)]


async def test_padding_without_data_is_not_taken_without_end(serve, keys, speaker, scripted):
    client = await speaker(await serve())
    client.send(client.head(1, ""))
    client.send(*[frame(frames.DATA, frames.PADDED, 1, bytes([0]))] * 3_000)

    assert (await client.end())[0] is Code.ENHANCE_YOUR_CALM


@pytest.mark.parametrize(
    "fields",
    [
        [*CALL, *GRPC, ("connection", "keep-alive")],
        [*CALL, *GRPC, ("transfer-encoding", "chunked")],
        [*CALL, GRPC[0], ("te", "gzip")],
        [*CALL, (":strange", "x"), *GRPC],
        [CALL[0], CALL[2], *GRPC],
        [*CALL[:2], *GRPC, CALL[2]],
    ],
)
async def test_a_head_that_no_request_may_have_is_refused(serve, keys, speaker, fields):
    client = await speaker(await serve())
    block = client.packing.encode(fields)
    client.send(frame(frames.HEADERS, frames.END_HEADERS, 1, block))

    await client.until(lambda: client.of(frames.RST_STREAM, 1))
    assert client.of(frames.RST_STREAM, 1) == [Code.PROTOCOL_ERROR.to_bytes(4)]


async def test_trailers_have_no_path(serve, keys, speaker):
    client = await speaker(await serve())
    client.send(client.head(1, keys.sign()), client.head(1, "", end=True))

    await client.until(lambda: client.of(frames.RST_STREAM, 1))
    assert client.of(frames.RST_STREAM, 1) == [Code.PROTOCOL_ERROR.to_bytes(4)]


@pytest.mark.parametrize("ended", ["by its end", "by a reset"])
async def test_what_comes_on_a_stream_that_its_client_ended_is_refused(serve, keys, speaker, ended):
    client = await speaker(await serve())
    reset = frames.reset(1, Code.CANCEL) if ended == "by a reset" else b""
    client.send(client.call(1, keys.sign(), b""), reset)
    client.send(client.call(3, keys.sign(), b""))
    assert await client.status(3) == "0"
    client.send(frame(frames.DATA, 0, 1, b"more"))

    await client.until(lambda: client.of(frames.RST_STREAM, 1))
    assert client.of(frames.RST_STREAM, 1)[-1] == Code.STREAM_CLOSED.to_bytes(4)
    client.send(client.head(1, keys.sign(), end=True))
    assert (await client.end())[0] is Code.STREAM_CLOSED


async def test_data_on_streams_that_their_client_ended_is_not_refused_without_end(serve, keys, speaker):
    client = await speaker(await serve())
    client.send(client.call(1, keys.sign(), b""))
    assert await client.status(1) == "0"
    client.send(*[frame(frames.DATA, 0, 1, b"more")] * 3_000)

    assert (await client.end())[0] is Code.ENHANCE_YOUR_CALM


async def test_a_stream_that_was_passed_over_does_not_begin(serve, keys, speaker):
    client = await speaker(await serve())
    client.send(client.call(5, keys.sign(), b""), client.call(3, keys.sign(), b""))

    assert (await client.end())[0] is Code.STREAM_CLOSED


async def test_what_was_under_way_when_a_call_was_refused_ends_nothing(serve, keys, speaker):
    """A client may not know yet that nobody wants the rest."""
    client = await speaker(await serve())
    refused = range(1, 2_401, 2)
    for number in refused:
        client.send(client.head(number, "", of=[("x", "y")]))
    await client.until(lambda: len(client.of(frames.RST_STREAM)) == len(refused))
    client.send(*[frame(frames.DATA, 0, number, b"rest") for number in refused])
    client.send(frame(frames.DATA, frames.END_STREAM, 2_399, b"end"), client.head(2_397, "", end=True))
    client.send(client.call(2_401, keys.sign(), b""))

    assert await client.status(2_401) == "0"
    assert len(client.of(frames.RST_STREAM)) == len(refused)
    client.send(frame(frames.DATA, 0, 2_399, b"after its end"))
    await client.until(lambda: len(client.of(frames.RST_STREAM, 2_399)) == 2)


@pytest.mark.parametrize("length", ["4", "6", "x", "5, 5"])
async def test_a_body_of_another_length_than_announced_is_refused(serve, keys, speaker, length):
    """A proxy in front may have believed the length and taken what follows for another request."""
    client = await speaker(await serve())
    client.send(client.call(1, keys.sign(), b"", ("content-length", length)))

    await client.until(lambda: client.of(frames.RST_STREAM, 1))
    assert client.of(frames.RST_STREAM, 1) == [Code.PROTOCOL_ERROR.to_bytes(4)]


async def test_a_body_of_the_announced_length_is_taken_and_none_may_be_announced_of_nothing(serve, keys, speaker):
    client = await speaker(await serve())
    client.send(client.call(1, keys.sign(), b"", ("content-length", "5")))
    client.send(client.head(3, keys.sign(), ("content-length", "5"), end=True))

    assert await client.status(1) == "0"
    await client.until(lambda: client.of(frames.RST_STREAM, 3))
    assert client.of(frames.RST_STREAM, 3) == [Code.PROTOCOL_ERROR.to_bytes(4)]


async def test_bodies_of_a_wrong_length_leave_the_window_of_their_connection_as_wide_as_it_was(serve, keys, speaker):
    client = await speaker(await serve())
    numbers = range(1, 1_001, 2)
    for number in numbers:
        client.send(client.call(number, keys.sign(), bytes(12_000), ("content-length", "1")))
    client.send(client.call(1_001, keys.sign(), b""))

    # More than the window, unless what was refused is given back.
    assert await client.status(1_001) == "0"


@pytest.mark.parametrize("kind", [frames.PRIORITY, frames.HEADERS])
async def test_a_stream_depends_on_no_stream_that_is_itself(serve, keys, speaker, kind):
    client = await speaker(await serve())
    flags = frames.WITH_PRIORITY | frames.END_HEADERS if kind == frames.HEADERS else 0
    client.send(frame(kind, flags, 1, (1).to_bytes(4) + b"\x10"))

    assert (await client.end())[0] is Code.PROTOCOL_ERROR
