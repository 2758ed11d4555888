"""Bodies are bounded together and in time."""

import asyncio

import pytest
from fp_gateway.http import bind
from fp_gateway.http.body_limit import BodyLimit
from fp_kernel import InvalidArgument, ResourceExhausted
from starlette.requests import Request

SCOPE = {"type": "http", "method": "POST", "path": "/", "headers": []}


def sender(*sizes):
    """A `receive` of a body in parts of these sizes, which then stands still."""
    parts = iter(sizes)

    async def receive():
        size = next(parts, None)
        if size is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": bytes(size), "more_body": True}

    return receive


async def reads_all(scope, receive, send):
    while True:
        await receive()


async def test_large_bodies_have_room_together_and_small_ones_always():
    app = BodyLimit(reads_all, room=1_000_000)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(app(SCOPE, sender(400_000, 500_000), None))
        while app.held < 900_000:
            await asyncio.sleep(0)
        with pytest.raises(ResourceExhausted):
            await app(SCOPE, sender(60_000, 60_000), None)
        small = group.create_task(app(SCOPE, sender(60_000, 4_000), None))
        while app.held < 964_000:
            await asyncio.sleep(0)
        first.cancel()
        small.cancel()

    assert app.held == 0


async def test_a_body_that_stands_still_is_given_up(monkeypatch):
    monkeypatch.setattr(bind, "_SILENCE", 0.01)

    with pytest.raises(InvalidArgument, match="body"):
        await bind.read_body(Request(SCOPE, sender(10)))


async def test_a_body_that_drips_is_given_up_as_well():
    async def drip():
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(InvalidArgument, match="body"):
        await bind.read_body(Request(SCOPE, drip), limit=2**30, seconds=0.05)


async def test_a_body_that_says_how_long_it_is_is_refused_unread():
    request = Request(SCOPE | {"headers": [(b"content-length", b"9000")]}, sender())

    with pytest.raises(ResourceExhausted, match="8192"):
        await bind.read_body(request, limit=8192)
