"""How the HTTP server of a service ends."""

import asyncio

import pytest
from fp_runtime import http
from fp_runtime.http import HttpServer
from fp_testkit.patience import PATIENCE
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route


@pytest.fixture
def pauses(monkeypatch):
    """What the code of the server slept, in seconds; it looks at the clock once a day."""
    taken: list[float] = []
    sleep = asyncio.sleep

    async def noted(seconds: float, result=None):
        taken.append(seconds)
        return await sleep(seconds, result)

    monkeypatch.setattr(asyncio, "sleep", noted)
    monkeypatch.setattr(http, "_TICK", 86_400.0)
    return taken


async def test_a_server_that_nobody_is_connected_to_ends_without_a_pause(pauses):
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        server = HttpServer(Starlette(), name="test", host="127.0.0.1", port=0)
        await server.start(group)
        port = server.port
        await server.stop(PATIENCE)

    assert set(pauses) <= {0}
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_request_that_runs_at_the_end_is_answered():
    running, go_on = asyncio.Event(), asyncio.Event()

    async def late(_request):
        running.set()
        await go_on.wait()
        return PlainTextResponse("late")

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        server = HttpServer(Starlette(routes=[Route("/", late)]), name="test", host="127.0.0.1", port=0)
        await server.start(group)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await running.wait()
        stopping = group.create_task(server.stop(PATIENCE))
        await asyncio.sleep(0)
        go_on.set()
        assert (await reader.read()).endswith(b"late")
        await stopping
        writer.close()
