"""The connection under the calls of a link: how it begins, is refused, and is lost."""

import asyncio

import pytest
from forgepoint.link.v1 import link_pb2 as pb
from fp_kernel import Unavailable
from fp_rpc.link.framing import VERSION

ONE = "/forgepoint.rpctest.v1.ShapesService/One"
SHORT = 0.05


@pytest.mark.parametrize("claims", [{"scopes": []}, {"aud": "somebody-else"}])
async def test_whoever_may_not_call_the_method_gets_no_connection(raw, keys, claims):
    one = await raw()

    one.send(kind=pb.FRAME_KIND_HELLO, method=ONE, version=VERSION, credential=keys.service(**claims))

    assert (await one.receive()).kind == pb.FRAME_KIND_REFUSAL
    assert await one.receive() is None


async def test_a_connection_begins_with_hello(raw):
    stranger = await raw()

    stranger.send(kind=pb.FRAME_KIND_ASK, call=1, body=b"")

    assert await stranger.receive() is None


async def test_a_stranger_may_not_send_much(raw):
    stranger = await raw()

    stranger.send(kind=pb.FRAME_KIND_HELLO, method=ONE, version=VERSION, credential="x" * 100_000)

    assert await stranger.receive() is None


async def test_bytes_that_are_no_frame_end_the_connection(raw, keys):
    one = await raw()
    one.send(kind=pb.FRAME_KIND_HELLO, method=ONE, version=VERSION, oldest_version=1, credential=keys.service())
    assert (await one.receive()).kind == pb.FRAME_KIND_WELCOME

    one.bytes(b"\x04\x00\x00\x00GET ")

    assert await one.receive() is None


async def test_a_version_that_is_spoken_on_both_sides_is_chosen_and_no_other(raw, keys):
    newer, older = await raw(), await raw()
    hello = {"kind": pb.FRAME_KIND_HELLO, "method": ONE, "credential": keys.service()}

    newer.send(version=VERSION + 5, oldest_version=VERSION, **hello)
    older.send(version=VERSION + 5, oldest_version=VERSION + 1, **hello)

    assert (await newer.receive()).version == VERSION
    assert (await older.receive()).kind == pb.FRAME_KIND_REFUSAL
    assert await older.receive() is None


async def test_kinds_that_are_not_known_yet_are_ignored(raw, keys, shapes):
    one = await raw()
    one.send(kind=pb.FRAME_KIND_HELLO, method=ONE, version=VERSION, oldest_version=1, credential=keys.service())
    await one.receive()

    one.send(kind=77, call=3)
    one.send(kind=pb.FRAME_KIND_ASK, call=4, time_left=10**9, body=shapes.pb.Request(text="x").SerializeToString())

    answer = await one.receive()
    assert (answer.kind, answer.call) == (pb.FRAME_KIND_ANSWER, 4)


async def test_a_method_that_has_no_link_is_refused(raw, keys):
    one = await raw()

    one.send(kind=pb.FRAME_KIND_HELLO, method=ONE + "Other", version=VERSION, credential=keys.service())

    assert (await one.receive()).kind == pb.FRAME_KIND_REFUSAL


async def test_a_lost_connection_fails_the_calls_under_way_and_the_next_call_connects_again(
    linked, relay, link_to, scripted, keys
):
    began = asyncio.Event()

    async def hang(request, context):
        began.set()
        await asyncio.Event().wait()

    answer, scripted.one = scripted.one, hang
    client = link_to(linked, keys.service())
    client.port = relay.port
    call = asyncio.ensure_future(client())
    await began.wait()

    relay.cut()

    with pytest.raises(Unavailable):
        await call
    scripted.one = answer
    assert (await client()).text == "one x"


async def test_a_connection_that_went_dead_is_left_for_another(linked, relay, link_to, keys, monkeypatch):
    monkeypatch.setattr("fp_rpc.link.caller._PONG_SECONDS", SHORT)
    client = link_to(linked, keys.service())
    client.port = relay.port
    await client()

    relay.dead = True
    with pytest.raises(Unavailable):
        await client(seconds=SHORT)
    with pytest.raises(Unavailable):
        # Lost after the ping that nobody answers, and not at this call's own end.
        await client()

    client.port = linked.server.link_port
    assert (await client()).text == "one x"


async def test_two_calls_of_one_number_end_the_connection(raw, keys, scripted, shapes):
    async def hang(request, context):
        await asyncio.Event().wait()

    scripted.one = hang
    one = await raw()
    one.send(kind=pb.FRAME_KIND_HELLO, method=ONE, version=VERSION, oldest_version=1, credential=keys.service())
    await one.receive()

    for _ in range(2):
        one.send(kind=pb.FRAME_KIND_ASK, call=4, time_left=10**9, body=shapes.pb.Request(text="x").SerializeToString())

    assert await one.receive() is None
