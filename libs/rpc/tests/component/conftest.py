"""A peer that fails as it is told, and channels to it."""

import asyncio
import socket

import grpc
import pytest
import pytest_asyncio
from fp_kernel import Backoff, Unavailable
from fp_rpc import BearerToken, ChannelPolicy, Channels, RetryPolicy, to_status
from fp_rpc.retries import pushback
from fp_testkit.patience import PATIENCE

QUICK = ChannelPolicy(retry=RetryPolicy(attempts=3, backoff=Backoff(first=0.005, longest=1.0)))


class Peer:
    """A bare server that fails as it is told: `script` holds one outcome a call, None for success."""

    def __init__(self, shapes):
        self._shapes = shapes
        self.script = []
        self.calls = []
        self.connections = []
        self.address = ""

    async def answer(self, request, context):
        self.calls.append((dict(context.invocation_metadata()), context.time_remaining()))
        self.connections.append(context.peer())
        outcome = self.script.pop(0) if self.script else None
        if isinstance(outcome, Exception):
            code, message, status = to_status(outcome)
            trailers = [("grpc-status-details-bin", status)]
            if isinstance(outcome, Unavailable):
                trailers.append(("grpc-retry-pushback-ms", pushback(outcome, context.time_remaining())))
            await context.abort(code, message, tuple(trailers))
        if isinstance(outcome, grpc.StatusCode):
            await context.abort(outcome, "from grpc itself: ipv4:10.0.0.7:9090")
        if isinstance(outcome, asyncio.Event):
            await outcome.wait()
        return self._shapes.pb.Response(text="done")

    async def stream(self, request, context):
        yield await self.answer(request, context)
        if self.script:
            await self.answer(request, context)


@pytest_asyncio.fixture
async def peer(shapes):
    peer = Peer(shapes)

    class Servicer(shapes.rpc.ShapesServiceServicer):
        async def One(self, request, context):
            return await peer.answer(request, context)

        Write = Open = One

        async def In(self, requests, context):
            return await peer.answer(None, context)

        async def Out(self, request, context):
            async for answer in peer.stream(request, context):
                yield answer

        async def Both(self, requests, context):
            async for answer in peer.stream(None, context):
                yield answer

    server = grpc.aio.server()
    shapes.rpc.add_ShapesServiceServicer_to_server(Servicer(), server)
    peer.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield peer
    await server.stop(None)


@pytest.fixture
def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@pytest_asyncio.fixture
async def connect_slowly(connect):
    """A stub whose writes wait for their peer as long as a test does."""
    slow = ChannelPolicy(retry=RetryPolicy(attempts=2, backoff=Backoff(first=PATIENCE, longest=PATIENCE)))
    return lambda address, token: connect(address, credential=BearerToken(token), policy=slow, timeout=2 * PATIENCE)


@pytest_asyncio.fixture
async def connect(shapes):
    opened = []

    def stub(address, *, credential=None, policy=QUICK, timeout=PATIENCE, metrics=None, passing=()):
        opened.append(Channels(credential, policy, metrics=metrics))
        return shapes.rpc.ShapesServiceStub(opened[-1].open(address, timeout=timeout, passing=passing))

    yield stub
    for channels in opened:
        await channels.close()
