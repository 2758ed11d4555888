"""How long a connection may keep the server waiting for the head of a request, or for a body that nobody reads."""

import asyncio

import pytest_asyncio
from fp_runtime import http
from fp_runtime.http import HttpServer
from fp_testkit.patience import PATIENCE
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

LINE = b"POST / HTTP/1.1\r\nhost: x\r\n"


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(await request.body())


async def refuse(_: Request) -> PlainTextResponse:
    return PlainTextResponse("no", 401)


@pytest_asyncio.fixture
async def connect(monkeypatch):
    """Connections to a server that waits a moment for a head, and for a body that nobody reads."""
    monkeypatch.setattr(http, "_LINGER", 0.2)
    writers = []
    async with asyncio.TaskGroup() as group:
        app = Starlette(routes=[Route("/", echo, methods=["POST"]), Route("/refuse", refuse, methods=["POST"])])
        server = HttpServer(app, name="test", host="127.0.0.1", port=0, head_timeout=0.2)
        await server.start(group)

        async def opened():
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writers.append(writer)
            return reader, writer

        yield opened
        for writer in writers:
            writer.close()
        await server.stop(0)


async def ended(reader):
    async with asyncio.timeout(PATIENCE):
        return await reader.read()


async def test_a_connection_that_sends_nothing_is_closed(connect):
    reader, _ = await connect()
    assert await ended(reader) == b""


async def test_a_connection_that_sends_half_a_head_is_closed(connect):
    reader, writer = await connect()
    writer.write(LINE)
    assert await ended(reader) == b""


async def test_a_second_request_has_to_send_its_head_in_time_too(connect):
    reader, writer = await connect()
    writer.write(LINE + b"content-length: 1\r\n\r\na")
    assert (await reader.readuntil(b"\r\n\r\na")).startswith(b"HTTP/1.1 200")
    writer.write(LINE)
    assert await ended(reader) == b""


async def test_a_body_may_take_its_time(connect):
    reader, writer = await connect()
    writer.write(LINE + b"connection: close\r\ncontent-length: 2\r\n\r\na")
    silent, _ = await connect()
    assert await ended(silent) == b"", "a connection that came later has had its time"
    writer.write(b"b")
    assert (await ended(reader)).endswith(b"ab")


async def test_who_was_answered_before_he_sent_his_body_reads_the_answer_and_is_closed_when_it_does_not_come(connect):
    reader, writer = await connect()
    writer.write(b"POST /refuse HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\na")
    assert (await ended(reader)).startswith(b"HTTP/1.1 401")


async def test_who_sends_the_rest_of_it_in_time_goes_on(connect):
    reader, writer = await connect()
    writer.write(b"POST /refuse HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\na")
    assert (await reader.readuntil(b"\r\n\r\nno")).startswith(b"HTTP/1.1 401")
    writer.write(b"b" + LINE + b"content-length: 1\r\n\r\na")
    assert (await reader.readuntil(b"\r\n\r\na")).startswith(b"HTTP/1.1 200")
