"""Clients ping a quiet connection to see that the peer is there."""

import asyncio

import grpc
import pytest
from fp_rpc import ServerPolicy

PINGS = [
    ("grpc.keepalive_time_ms", 100),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
]


async def test_a_client_that_pings_as_often_as_it_may_keeps_its_quiet_stream(serve, shapes, scripted, keys):
    silence = asyncio.Event()

    async def out(request, context):
        yield shapes.pb.Response(text="first")
        await silence.wait()

    scripted.out = out
    served = await serve(policy=ServerPolicy(shortest_ping=0.05))
    async with grpc.aio.insecure_channel(served.address, options=PINGS) as channel:
        metadata = (("authorization", f"Bearer {keys.sign()}"),)
        call = shapes.rpc.ShapesServiceStub(channel).Out(shapes.pb.Request(), metadata=metadata)
        await call.read()
        # A client pings at most once a second; the third that is one too many ends the connection.
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3.5):
                await call.read()
    silence.set()
