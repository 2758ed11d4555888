"""What our servers do with frames that no client library of gRPC sends."""

import asyncio
import random

import grpc
import pytest
from fp_rpc import from_rpc_error
from fp_rpc.http2 import frames
from fp_rpc.http2.frames import Code, frame
from fp_testkit.patience import PATIENCE

from libs.rpc.tests.component.raw_http2 import CALL


def cut(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


async def test_frames_are_read_however_the_bytes_are_cut(serve, shapes, keys, speaker):
    client = await speaker(await serve())
    body = shapes.pb.Request(text="x").SerializeToString()

    for part in cut(client.call(1, keys.sign(), body) + client.call(3, keys.sign(), body), 7):
        client.send(part)
        await asyncio.sleep(0)

    assert [await client.status(1), await client.status(3)] == ["0", "0"]
    assert shapes.pb.Response.FromString(client.data(3)[5:]).text == "one x"


async def test_headers_may_go_on_and_be_padded_and_have_a_priority(serve, shapes, keys, speaker):
    client = await speaker(await serve())
    whole = client.head(1, keys.sign())[9:]
    first = bytes([3]) + bytes(5) + whole[:40] + bytes(3)
    flags = frames.PADDED | frames.WITH_PRIORITY
    message = shapes.pb.Request(text="x").SerializeToString()
    data = bytes([2]) + b"\0" + len(message).to_bytes(4) + message + bytes(2)

    client.send(frame(frames.HEADERS, flags, 1, first))
    client.send(frame(frames.CONTINUATION, 0, 1, whole[40:80]), frame(frames.CONTINUATION, 4, 1, whole[80:]))
    client.send(frame(frames.DATA, frames.PADDED | frames.END_STREAM, 1, data))

    assert await client.status(1) == "0"


async def test_an_answer_waits_for_the_windows_of_its_client(serve, shapes, keys, speaker, scripted):
    async def one(request, context):
        return shapes.pb.Response(payload=bytes(200_000))

    scripted.one = one
    client = await speaker(await serve())
    client.send(client.call(1, keys.sign(), b""))
    await client.until(lambda: len(client.data(1)) == frames.FIRST_WINDOW)

    client.send(frames.window_update(1, 150_000))
    client.send(frames.window_update(0, 100_000))
    await client.until(lambda: len(client.data(1)) == frames.FIRST_WINDOW + 100_000)
    client.send(frames.window_update(0, 100_000))

    assert await client.status(1) == "0"
    assert len(shapes.pb.Response.FromString(client.data(1)[5:]).payload) == 200_000


async def test_streams_whose_window_is_full_do_not_hold_up_others(serve, shapes, keys, speaker, scripted):
    async def one(request, context):
        return shapes.pb.Response(payload=bytes(40_000))

    scripted.one = one
    settings = frames.frame(frames.SETTINGS, 0, 0, b"\0\4" + (1_000).to_bytes(4))
    client = await speaker(await serve(), greeting=frames.PREFACE + settings)
    client.send(client.call(1, keys.sign(), b""), client.call(3, keys.sign(), b""), frames.window_update(3, 60_000))

    assert await client.status(3) == "0"
    assert len(client.data(1)) == 1_000


async def test_a_request_may_not_be_larger_than_its_window(serve, keys, speaker):
    client = await speaker(await serve())
    client.send(client.head(1, ""))
    pieces = [frame(frames.DATA, 0, 1, bytes(16_000))] * 5
    client.send(*pieces)

    await client.until(lambda: client.of(frames.RST_STREAM, 1))
    assert client.of(frames.RST_STREAM, 1)[0] in (bytes([0, 0, 0, code]) for code in (Code.FLOW_CONTROL_ERROR, 0))


async def test_a_call_that_is_reset_before_it_begins_leaves_nothing(serve, keys, speaker, until):
    running = await serve()
    client = await speaker(running)
    for number in range(1, 200, 2):
        client.send(client.call(number, keys.sign(), b""), frames.reset(number, Code.CANCEL))
    client.send(client.call(201, keys.sign(), b""))

    assert await client.status(201) == "0"
    await until(lambda: running.sample("grpc_in_flight") == 0)


async def test_whoever_resets_calls_before_they_begin_does_not_end_those_beside_them(
    serve, shapes, scripted, keys, speaker
):
    """Behind a proxy they are of others."""
    entered, go = asyncio.Event(), asyncio.Event()

    async def one(request, context):
        entered.set()
        await go.wait()
        return shapes.pb.Response()

    scripted.one = one
    client = await speaker(await serve())
    client.send(client.call(1, keys.sign(), b""))
    await entered.wait()
    client.send(*[client.head(number, "") + frames.reset(number, Code.CANCEL) for number in range(3, 10_000, 2)])
    client.send(client.call(10_001, keys.sign(), b""))
    go.set()

    assert await client.status(10_001) == "0"
    assert await client.status(1) == "0"


async def test_a_client_that_pings_too_often_is_sent_away_as_grpc_does_it(serve, speaker):
    client = await speaker(await serve())
    client.send(*[frame(frames.PING, 0, 0, bytes(8))] * 4)

    assert await client.end() == (Code.ENHANCE_YOUR_CALM, "too_many_pings")


async def test_headers_without_end_are_not_collected(serve, speaker):
    client = await speaker(await serve())
    client.send(frame(frames.HEADERS, 0, 1, b""))
    client.send(*[frame(frames.CONTINUATION, 0, 1, bytes(16_000))] * 5)

    assert (await client.end())[0] is Code.ENHANCE_YOUR_CALM


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (frames.HEAD.pack(1, 0, frames.DATA, 0, 1), Code.FRAME_SIZE_ERROR),
        (frame(frames.DATA, 0, 1, b"x"), Code.PROTOCOL_ERROR),
        (frame(frames.HEADERS, frames.END_HEADERS, 2, b""), Code.PROTOCOL_ERROR),
        (frame(frames.CONTINUATION, 0, 1, b""), Code.PROTOCOL_ERROR),
        (frame(frames.HEADERS, 0, 1, b"") + frame(frames.PING, 0, 0, bytes(8)), Code.PROTOCOL_ERROR),
        (frame(frames.HEADERS, frames.END_HEADERS, 1, b"\x80"), Code.COMPRESSION_ERROR),
        (frame(frames.PUSH_PROMISE, 0, 1, b""), Code.PROTOCOL_ERROR),
        (frame(frames.WINDOW_UPDATE, 0, 0, bytes(4)), Code.PROTOCOL_ERROR),
        (frames.window_update(0, frames.LARGEST_WINDOW), Code.FLOW_CONTROL_ERROR),
        (frame(frames.SETTINGS, 0, 0, b"x"), Code.FRAME_SIZE_ERROR),
        (frame(frames.RST_STREAM, 0, 7, bytes(4)), Code.PROTOCOL_ERROR),
        (frame(frames.PING, 0, 0, b""), Code.FRAME_SIZE_ERROR),
        (frame(frames.PING, 0, 1, bytes(8)), Code.PROTOCOL_ERROR),
        (frame(frames.GOAWAY, 0, 1, bytes(8)), Code.PROTOCOL_ERROR),
        (frame(frames.PRIORITY, 0, 0, bytes(5)), Code.PROTOCOL_ERROR),
        (frame(frames.PRIORITY, 0, 1, bytes(4)), Code.FRAME_SIZE_ERROR),
        (frame(frames.SETTINGS, frames.ACK, 0, bytes(6)), Code.FRAME_SIZE_ERROR),
        (frame(frames.SETTINGS, 0, 0, b"\0\2" + (2).to_bytes(4)), Code.PROTOCOL_ERROR),
        (frame(frames.SETTINGS, 0, 0, b"\0\5" + (16_383).to_bytes(4)), Code.PROTOCOL_ERROR),
        (frame(frames.SETTINGS, 0, 0, b"\0\4" + (2**31).to_bytes(4)), Code.FLOW_CONTROL_ERROR),
    ],
)
async def test_what_cannot_be_understood_ends_the_connection(serve, speaker, wrong, code):
    client = await speaker(await serve())
    client.send(wrong)

    assert (await client.end())[0] is code


async def test_who_does_not_speak_http2_is_not_listened_to(serve, speaker):
    client = await speaker(await serve(), greeting=b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")

    assert (await client.end())[0] is Code.PROTOCOL_ERROR


async def test_no_bytes_hurt_the_calls_of_others(serve, shapes, keys, speaker):
    chance = random.Random(7)  # noqa: S311 -- the same bytes in each run
    running = await serve()
    stub = running.stub(keys.sign())
    for _ in range(40):
        client = await speaker(running)
        valid = client.call(1, keys.sign(), bytes(50)) + frames.window_update(0, 5) + client.head(3, "", end=True)
        bad = bytearray(valid)
        for _ in range(chance.randint(1, 8)):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        client.send(bytes(bad), chance.randbytes(chance.randint(0, 100)))

    assert (await stub.One(shapes.pb.Request(text="x"))).text == "one x"


@pytest.mark.parametrize(
    ("of", "status"), [([(":method", "GET"), *CALL[1:]], "405"), ([*CALL[:2], (":path", "/x")], "200")]
)
async def test_what_is_no_call_is_answered(serve, speaker, of, status):
    client = await speaker(await serve())
    client.send(client.head(1, "", end=True, of=of))

    await client.until(lambda: client.of(frames.HEADERS, 1))
    assert client.of(frames.HEADERS, 1)[0][":status"] == status


async def test_headers_beyond_what_a_caller_may_send_are_refused(serve, keys, speaker):
    client = await speaker(await serve())
    client.send(client.head(1, keys.sign(), ("much", "x" * 15_000)))

    assert await client.status(1) == "8"


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_a_packed_request_is_unpacked(serve, shapes, keys, compression):
    stub = (await serve()).plain()
    request = shapes.pb.Request(text="x", payload=bytes(100_000))

    found = await stub.One(
        request, metadata=(("authorization", f"Bearer {keys.sign()}"),), compression=compression, timeout=PATIENCE
    )

    assert found.payload == bytes(100_000)


async def test_a_request_that_unpacks_to_more_than_may_come_is_refused(serve, shapes, keys, make_policy):
    stub = (await serve(policy=make_policy(max_message_bytes=10_000))).plain()
    request = shapes.pb.Request(payload=bytes(5_000_000))

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.One(
            request,
            metadata=(("authorization", f"Bearer {keys.sign()}"),),
            compression=grpc.Compression.Gzip,
            timeout=PATIENCE,
        )

    assert from_rpc_error(refused.value).reason == "MESSAGE_TOO_LARGE"
