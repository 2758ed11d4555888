"""A peer that fails as it is told, channels to it, and both ends of a link."""

import asyncio
import socket

import grpc
import pytest
import pytest_asyncio
from forgepoint.link.v1 import link_pb2
from fp_kernel import Backoff, Unavailable
from fp_rpc import BearerToken, ChannelPolicy, Channels, RetryPolicy, to_status
from fp_rpc.link.framing import FrameReader, pack
from fp_rpc.retries import pushback
from fp_telemetry import Metrics
from fp_testkit.patience import PATIENCE

from libs.rpc.tests.component.raw_http2 import connect as connect_raw

LINKED = "/forgepoint.rpctest.v1.ShapesService/One"
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


class Tokens:
    """A service's credential: the first of these tokens, and the next when that one is refused."""

    acts_for_others = True

    def __init__(self, *tokens):
        self.tokens = list(tokens)

    async def token(self):
        return self.tokens[0]

    def refused(self, token):
        if len(self.tokens) > 1:
            self.tokens.pop(0)
            return True
        return False


class Client:
    """One end of a link, and where it connects."""

    def __init__(self, shapes, credential, port):
        self.port = port
        self.credential = credential
        self.metrics = Metrics("client")
        self.channels = Channels(credential, metrics=self.metrics)
        self._pb = shapes.pb
        self.link = self.channels.link(LINKED, self.locate, timeout=PATIENCE)

    async def locate(self):
        return "127.0.0.1", self.port

    async def __call__(self, text="x", seconds=None, **fields):
        request = self._pb.Request(text=text, **fields)
        return self._pb.Response.FromString(await self.link.call(request.SerializeToString(), timeout=seconds))


class Relay:
    """Between a client and the listener: a cable that can be cut or go dead."""

    def __init__(self, port):
        self._target = port
        self._tasks = set()
        self._writers = []
        self.dead = False

    async def start(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _accept(self, reader, writer):
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers += [writer, back]
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._carry(source, sink))
            self._tasks.add(task)

    async def _carry(self, source, sink):
        while data := await source.read(65_536):
            if not self.dead:
                sink.write(data)

    def cut(self):
        for writer in self._writers:
            writer.transport.abort()

    async def close(self):
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._server.close()


class Raw:
    """A connection that sends what it likes."""

    def __init__(self, reader, writer):
        self._reader, self._writer = reader, writer
        self._frames = FrameReader(1_000_000)
        self._got = []

    def send(self, **fields):
        self._writer.write(pack(link_pb2.Frame(**fields)))

    def bytes(self, data):
        self._writer.write(data)

    async def receive(self):
        """The next frame; None at the end of the connection."""
        async with asyncio.timeout(PATIENCE):
            while not self._got:
                data = await self._reader.read(65_536)
                if not data:
                    return None
                self._got += self._frames.feed(data)
        return self._got.pop(0)

    def close(self):
        self._writer.close()


@pytest.fixture
async def linked(serve):
    """A server that takes the calls of `One` over a link too."""
    return await serve(link="One")


@pytest.fixture
async def link_to(shapes):
    clients = []

    def open_(running, *tokens):
        clients.append(Client(shapes, Tokens(*tokens), running.server.link_port))
        return clients[-1]

    yield open_
    for client in clients:
        await client.channels.close()


@pytest.fixture
async def raw(linked):
    opened = []

    async def open_():
        opened.append(Raw(*await asyncio.open_connection("127.0.0.1", linked.server.link_port)))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


@pytest.fixture
async def relay(linked):
    relay = Relay(linked.server.link_port)
    await relay.start()
    yield relay
    await relay.close()


@pytest_asyncio.fixture
async def speaker():
    """Opens clients that speak HTTP/2 as they are told."""
    opened = []

    async def start(running, **options):
        opened.append(await connect_raw(running.address, **options))
        return opened[-1]

    yield start
    for each in opened:
        await each.close()
