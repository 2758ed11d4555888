"""Strangers at the port of a service: what they can make it hold, and what others notice of them."""

import json
import subprocess
import sys
import time

import grpc
import psutil
import pytest
from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc
from fp_testkit.identity import TestIdentity

pytestmark = pytest.mark.proof
ISSUER = "http://auth.proof"
MEBIBYTE = 2**20
CALLS = 1_500
GET = "/forgepoint.registry.v1.RegistryService/GetModel"

SERVER = """
import asyncio, json, sys
from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc
from fp_rpc import JwtResolver, NoAudit, Server, StaticJwks
from fp_telemetry import Metrics

class Registry(registry_pb2_grpc.RegistryServiceServicer):
    async def GetModel(self, request, context):
        return registry_pb2.GetModelResponse(model=registry_pb2.Model(name=request.name))

async def main():
    resolver = JwtResolver(sys.argv[1], StaticJwks(json.loads(sys.argv[2])))
    server = Server("registry", resolver=resolver, metrics=Metrics("registry"), audit=NoAudit())
    server.add(registry_pb2_grpc.add_RegistryServiceServicer_to_server, Registry())
    print(await server.start("127.0.0.1:0"), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)

asyncio.run(main())
"""

STRANGERS = """
import asyncio, contextlib, os, sys
import grpc

# What strangers compute they compute elsewhere.
os.nice(19)

GET = "/forgepoint.registry.v1.RegistryService/GetModel"

async def half_sent(call):
    with contextlib.suppress(grpc.RpcError):
        await call(timeout=60)

async def large(call, body):
    while True:
        with contextlib.suppress(grpc.RpcError):
            await call(body, timeout=60)
        await asyncio.sleep(0.5)

async def main():
    options = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(sys.argv[1], options=options) for _ in range(20)]
    body = b"\\x0a" + bytes(16 * 2**20)
    for number in range(2_000):
        asyncio.ensure_future(half_sent(channels[number % 20].stream_unary(GET)))
    tasks = [asyncio.ensure_future(large(channel.unary_unary(GET), body)) for channel in channels[:8]]
    await asyncio.sleep(1)
    print("there", flush=True)
    await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


def started(program, *arguments):
    command = [sys.executable, "-c", program, *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().strip()


def ended(process):
    process.stdin.close()
    process.kill()
    process.wait()
    process.stdout.close()


async def waits(stub, metadata):
    """Seconds of calls of somebody with a token, one after another."""
    found = []
    for _ in range(CALLS):
        began = time.perf_counter()
        await stub.GetModel(registry_pb2.GetModelRequest(name="m"), metadata=metadata, timeout=30)
        found.append(time.perf_counter() - began)
    return sorted(found)


async def test_strangers_hold_no_memory_and_slow_nobody_down_by_more_than_three_times():
    identity = TestIdentity(ISSUER)
    metadata = (("authorization", f"Bearer {identity.engineer()}"),)
    server, port = started(SERVER, ISSUER, json.dumps(identity.jwks))
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = registry_pb2_grpc.RegistryServiceStub(channel)
            await waits(stub, metadata)
            alone = await waits(stub, metadata)
            before = psutil.Process(server.pid).memory_info().rss
            strangers, _ = started(STRANGERS, f"127.0.0.1:{port}")
            try:
                besieged = await waits(stub, metadata)
                grown = (psutil.Process(server.pid).memory_info().rss - before) / MEBIBYTE
            finally:
                ended(strangers)
    finally:
        ended(server)
    p50, p99 = ([round(each[int(CALLS * share)] * 1_000, 2) for each in (alone, besieged)] for share in (0.5, 0.99))
    print(f"\np50 {p50[0]} -> {p50[1]} ms, p99 {p99[0]} -> {p99[1]} ms, the server grew by {grown:.0f} MiB")
    # 2,000 calls and eight bodies of 16 MiB at a time were 32 GiB to be read, by right.
    assert grown < 256
    assert p99[1] < 3 * p99[0]
