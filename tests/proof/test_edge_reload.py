"""The edge's configuration is replaced under load, and no call fails."""

import asyncio
import contextlib

import grpc
import httpx
import pytest
from fp_rpc.server.health import Health
from fp_testkit.edge_process import NOUNS
from fp_testkit.http import NO_TLS
from fp_testkit.ports import free_port

pytestmark = pytest.mark.proof
RELOADS, CALLERS, STREAM_SECONDS = 20, 12, 0.2
LIST = "/forgepoint.registry.v1.RegistryService/ListModels"
WATCH = "/forgepoint.registry.v1.RegistryService/GetModel"
BEARER = (("authorization", "Bearer x"),)


class Upstream(grpc.GenericRpcHandler):
    """Answers every method with what it was asked, late for some: what is under way must live through a reload."""

    def service(self, details):
        slow = details.method == WATCH

        async def answer(request, _):
            if slow:
                await asyncio.sleep(STREAM_SECONDS)
            return request

        return grpc.unary_unary_rpc_method_handler(answer)


@pytest.fixture
async def upstream():
    server = grpc.aio.server()
    health = Health()
    health.set(serving=True)
    server.add_generic_rpc_handlers((health.handlers(), Upstream()))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    health.close()
    await server.stop(0)


@pytest.fixture
async def web():
    """A gateway's HTTP that answers everything with an empty page."""

    async def serve(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                await writer.drain()
        writer.close()

    port = free_port()
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    yield f"127.0.0.1:{port}"
    server.close()


async def test_no_call_fails_while_the_configuration_is_replaced_twenty_times(edge_before, upstream, web):
    edge = await edge_before(registry=upstream, gateway=upstream, gateway_http=web)
    done, failures, over = [0], [], asyncio.Event()

    async def call(channel, path):
        while not over.is_set():
            try:
                assert await channel.unary_unary(path)(b"ping", metadata=BEARER, timeout=10) == b"ping"
            except grpc.aio.AioRpcError as error:
                failures.append((path, error.code(), error.details()))
            done[0] += 1

    async def get(http):
        while not over.is_set():
            try:
                answer = await http.get(f"http://{edge.address}/api/v1/models", headers=dict(BEARER))
                if answer.status_code != 200:
                    failures.append((answer.status_code, answer.text))
            except httpx.HTTPError as error:
                failures.append(repr(error))
            done[0] += 1

    async with (
        grpc.aio.insecure_channel(edge.address) as channel,
        httpx.AsyncClient(timeout=10, verify=NO_TLS) as http,
        asyncio.TaskGroup() as group,
    ):
        for number in range(CALLERS):
            work = get(http) if number % 4 == 0 else call(channel, WATCH if number % 4 == 1 else LIST)
            group.create_task(work)
        for number in range(1, RELOADS + 1):
            # Something of each file: a limit of the listener, the routes' pages, a secret of the clusters.
            await edge.reload(
                FP_EDGE_PUBLIC_RATE=str(50 + number),
                FP_EDGE_CORS_ORIGINS=f"https://page-{number}.example",
                FP_EDGE_PROOFS=",".join(f"{noun}=the-proof-{number}-of-{noun}" for noun in NOUNS),
            )
            await asyncio.sleep(0.5)
        over.set()
    print(f"\n{done[0]} calls, {RELOADS} reloads, {len(failures)} failures")
    taken = await edge.figure("envoy_listener_manager_listener_modified")
    updated = await edge.figure("envoy_cluster_manager_cluster_modified")
    assert failures == []
    assert (taken, updated) == (RELOADS, RELOADS * len(NOUNS))
    assert done[0] > 10 * RELOADS
