"""Strangers at the edge, from as many addresses as they like: what they make it hold, and whether others are served."""

import asyncio
import contextlib
import time

import grpc
import psutil
import pytest
from fp_rpc.server.health import Health

pytestmark = pytest.mark.proof
MEBIBYTE = 2**20
HALF_SENT, SLOW_HEADS, LARGE = 1_000, 500, 100
BODY = b"x" * 15_000
# The limits are ten seconds; a busy machine looks late.
CLOSED_SECONDS = 40
LIST = "/forgepoint.registry.v1.RegistryService/ListModels"
BEARER = (("authorization", "Bearer x"),)


class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        async def answer(request, _):
            return request

        return grpc.unary_unary_rpc_method_handler(answer)


@pytest.fixture
async def upstream():
    server, health = grpc.aio.server(), Health()
    health.set(serving=True)
    server.add_generic_rpc_handlers((health.handlers(), Echo()))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    health.close()
    await server.stop(0)


def half_sent(number):
    """A login whose body never ends."""
    address = f"X-Forwarded-For: 10.{number // 250}.{number % 250}.1\r\n"
    return f"POST /api/v1/login HTTP/1.1\r\nHost: x\r\n{address}Content-Length: 16000\r\n\r\n".encode() + BODY


def slow_head(_):
    return b"GET /api/v1/models HTTP/1.1\r\nHost: x\r\nAccept: "


def large(number):
    """Sixteen mebibytes for a route that needs a credential."""
    head = f"POST /api/v1/models HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 10.9.{number % 250}.1\r\n"
    return f"{head}Content-Length: {16 * MEBIBYTE}\r\n\r\n".encode() + bytes(4 * MEBIBYTE)


async def test_strangers_are_closed_and_hold_little_while_others_are_served(edge_before, upstream):
    edge = await edge_before(registry=upstream, gateway=upstream, gateway_http=upstream, FP_EDGE_TRUSTED_HOPS="1")
    process = psutil.Process(edge.running.pid)
    host, port = edge.address.split(":")
    before, closed, most, answered = process.memory_info().rss, [0], [0], [0]

    async def stranger(data):
        try:
            reader, writer = await asyncio.open_connection(host, port)
        except OSError:
            closed[0] += 1
            return
        with contextlib.suppress(OSError):
            writer.write(data)
            await writer.drain()
            while await reader.read(65_536):
                pass
        closed[0] += 1
        writer.close()

    async def others(channel):
        while True:
            assert await channel.unary_unary(LIST)(b"ping", metadata=BEARER, timeout=30) == b"ping"
            answered[0] += 1
            most[0] = max(most[0], process.memory_info().rss)
            await asyncio.sleep(0.02)

    crowd = [(half_sent, HALF_SENT), (slow_head, SLOW_HEADS), (large, LARGE)]
    began = time.monotonic()
    async with grpc.aio.insecure_channel(edge.address) as channel, asyncio.TaskGroup() as group:
        served = group.create_task(others(channel))
        attacks = [group.create_task(stranger(make(number))) for make, count in crowd for number in range(count)]
        async with asyncio.timeout(CLOSED_SECONDS):
            await asyncio.wait(attacks)
        took = time.monotonic() - began
        served.cancel()
    grown = (most[0] - before) / MEBIBYTE
    print(f"\n{len(attacks)} strangers closed in {took:.0f} s; {answered[0]} calls of others; grown by {grown:.0f} MiB")
    assert closed[0] == HALF_SENT + SLOW_HEADS + LARGE
    assert grown < 100
    assert answered[0] > 20
