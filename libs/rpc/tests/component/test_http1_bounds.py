"""What a connection of HTTP/1.1 takes, and what it does not keep."""

import asyncio

import pytest
from fp_rpc.http1 import connection as connections
from fp_testkit.patience import PATIENCE

from libs.rpc.tests.component.raw_http1 import exchange, request


async def test_a_body_comes_in_many_pieces(serve, keys, scripted, shapes):
    async def one(request, context):
        return shapes.pb.Response(text=str(len(request.text)))

    scripted.one = one
    running = await serve(http="One")

    answer = await exchange(running.address, request(keys, "connection: close", body=b"x" * 1_000_000))

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"1000000" in answer


async def test_who_reads_no_answers_gets_no_more_of_them_made(serve, keys, scripted, shapes):
    made, most = 0, 8

    async def one(request, context):
        nonlocal made
        if request.text == "other":
            return shapes.pb.Response()
        made += 1
        return shapes.pb.Response(payload=bytes(4_000_000))

    scripted.one = one
    running = await serve(http="One")
    host, _, port = running.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.transport.pause_reading()
    writer.write(request(keys) * most)
    # Others are answered meanwhile, one after the other.
    for _ in range(most):
        await exchange(running.address, request(keys, "connection: close", body=b"other"))
    assert 0 < made < most

    writer.transport.resume_reading()
    async with asyncio.timeout(PATIENCE):
        for _ in range(most):
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(4_000_000)
    writer.close()
    assert made == most


async def test_of_thousands_of_requests_at_once_the_first_are_answered_and_the_others_are_not(
    serve, keys, scripted, shapes
):
    asked = 0

    async def one(request, context):
        nonlocal asked
        asked += 1
        return shapes.pb.Response(text="x")

    scripted.one = one
    running = await serve(http="One")
    host, _, port = running.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request(keys) * 2_000)
    await writer.drain()
    async with asyncio.timeout(PATIENCE):
        answers = await reader.readuntil(b"connection: close\r\n")
    writer.close()

    assert answers.count(b"HTTP/1.1 200") == asked == 32, "who sent the others learns it from the last answer"


async def test_who_does_not_take_the_rest_of_an_answer_is_cut_off(serve, keys, scripted, shapes, monkeypatch, until):
    monkeypatch.setattr(connections, "_CLOSING", 0.01)
    monkeypatch.setattr(connections, "_SLOWEST", 2**40)

    async def one(request, context):
        return shapes.pb.Response(payload=bytes(16_000_000))

    scripted.one = one
    running = await serve(http="One")
    host, _, port = running.address.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.transport.pause_reading()
    writer.write(request(keys, "connection: close"))
    transport = running.server._server
    await until(lambda: len(transport.connections) == 1)
    await until(lambda: not transport.connections)
    writer.transport.abort()


async def test_who_takes_his_answer_slowly_has_the_time_that_its_size_needs(serve, keys, scripted, shapes, monkeypatch):
    monkeypatch.setattr(connections, "_CLOSING", 0.0)
    monkeypatch.setattr(connections, "_SLOWEST", 1)

    async def one(request, context):
        return shapes.pb.Response(payload=bytes(16_000_000))

    scripted.one = one
    running = await serve(http="One")

    assert len(await exchange(running.address, request(keys, "connection: close"))) > 16_000_000


@pytest.mark.parametrize("sent", [b"POST /things/a/do HTTP/1.1\r\nx: ", b"POST /"])
async def test_a_header_without_an_end_is_refused_before_it_ends(serve, sent):
    running = await serve(http="One")
    host, _, port = running.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent + b"y" * 1_000_000)
    async with asyncio.timeout(PATIENCE):
        assert (await reader.readline()).startswith(b"HTTP/1.1 431")
    writer.close()
