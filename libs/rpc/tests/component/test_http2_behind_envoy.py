"""Envoy itself before our transport: one connection carries the calls of all its clients."""

import asyncio

import grpc
import pytest
from fp_rpc.http2 import frames
from fp_rpc.http2.frames import Code
from fp_rpc.http2.listener import Http2Policy, Http2Server
from fp_testkit.edge_process import EdgeProcess
from fp_testkit.patience import PATIENCE
from grpc_health.v1.health_pb2 import HealthCheckResponse

from libs.rpc.tests.component.raw_http2 import CALL, connect

SLOW = "/forgepoint.registry.v1.RegistryService/GetModel"
QUICK = "/forgepoint.registry.v1.RegistryService/ListModels"
# Of one connection to it: calls at once, and bytes of each before they are read.
STREAMS, WINDOW = 128, 256 * 1024
_MOST_STREAMS, _FIRST_WINDOW = 3, 4
# Of one client Envoy lets no more through: it ends connections of many calls that were reset early.
CLIENTS, RESETS = 45, 100


class Registry(grpc.GenericRpcHandler):
    """begun, go_on: of the slow call."""

    def __init__(self):
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    def service(self, details):
        async def answer(requests, context):
            async for _ in requests:
                pass
            if details.method == SLOW:
                self.begun.set()
                await self.go_on.wait()
            serving = HealthCheckResponse(status=HealthCheckResponse.SERVING)
            return serving.SerializeToString() if "Health" in details.method else b"answered"

        return grpc.stream_unary_rpc_method_handler(answer)


@pytest.fixture
async def registry():
    handler = Registry()
    server = Http2Server(
        Http2Policy(calls=4_100, streams=4_100, header_bytes=12 * 1024, shortest_ping=10.0, largest_message=1_000_000)
    )
    server.add_generic_rpc_handlers([handler])
    handler.server = server
    handler.address = f"127.0.0.1:{await server.start('127.0.0.1', 0, None)}"
    yield handler
    handler.go_on.set()
    await server.stop(0.0)


@pytest.fixture
async def edge(tmp_path, registry):
    # One thread, so that all clients share a connection.
    process = EdgeProcess(tmp_path, {"registry": registry.address}, FP_EDGE_WORKERS="1")
    await process.start()
    yield process
    await process.stop()


async def cancels(address):
    """A client that calls and cancels in one breath, as often as Envoy lets it."""
    client = await connect(address)
    of = [*CALL[:2], (":path", QUICK), (":authority", address)]
    calls = [client.head(number, "x", of=of) + frames.reset(number, Code.CANCEL) for number in range(1, 2 * RESETS, 2)]
    client.send(*calls)
    client.send(client.call(2 * RESETS + 1, "x", b"", of=of))
    assert await client.status(2 * RESETS + 1) == "0"
    await client.close()


async def test_whoever_cancels_calls_through_envoy_ends_nobody_elses(edge, registry):
    async with grpc.aio.insecure_channel(edge.address) as channel:
        slow = channel.unary_unary(SLOW)(b"", metadata=(("authorization", "Bearer x"),), timeout=PATIENCE)
        under_way = asyncio.ensure_future(slow)
        await registry.begun.wait()
        connections = set(registry.server.connections)
        for _ in range(CLIENTS):
            await cancels(edge.address)
        registry.go_on.set()

        assert await under_way == b"answered"
    assert await edge.figure("envoy_cluster_upstream_rq_total") > CLIENTS * RESETS
    assert set(registry.server.connections) == connections


async def test_one_connection_has_a_bounded_number_of_calls_and_of_bytes_of_each(edge):
    client = await connect(edge.address)
    await client.until(lambda: client.of(frames.SETTINGS))
    told = client.of(frames.SETTINGS)[0]
    settings = {
        int.from_bytes(told[at : at + 2]): int.from_bytes(told[at + 2 : at + 6]) for at in range(0, len(told), 6)
    }
    assert (settings[_MOST_STREAMS], settings[_FIRST_WINDOW]) == (STREAMS, WINDOW)
    client.send(frames.frame(frames.SETTINGS, frames.ACK, 0, b""))
    of = [*CALL[:2], (":path", SLOW), (":authority", edge.address)]

    client.send(*(client.head(number, "x", of=of) for number in range(1, 2 * STREAMS, 2)))
    client.send(frames.frame(frames.PING, 0, 0, bytes(8)))
    await client.until(lambda: client.closed or client.of(frames.PING))
    assert not client.closed
    assert client.of(frames.HEADERS) == []

    client.send(client.head(2 * STREAMS + 1, "x", of=of))
    await client.until(lambda: client.closed or client.of(frames.RST_STREAM))
    await client.close()
