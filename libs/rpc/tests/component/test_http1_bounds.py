"""What a connection of HTTP/1.1 takes, and what it does not keep."""

import asyncio

import pytest
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


@pytest.mark.parametrize("sent", [b"POST /things/a/do HTTP/1.1\r\nx: ", b"POST /"])
async def test_a_header_without_an_end_is_refused_before_it_ends(serve, sent):
    running = await serve(http="One")
    host, _, port = running.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent + b"y" * 1_000_000)
    async with asyncio.timeout(PATIENCE):
        assert (await reader.readline()).startswith(b"HTTP/1.1 431")
    writer.close()
