"""How a server starts and goes away."""

import asyncio

import grpc
import pytest
from fp_kernel import Unavailable
from fp_rpc import ChannelPolicy, JwtResolver, NoAudit, RetryPolicy, Server, StaticJwks
from fp_telemetry import Metrics
from fp_testkit.patience import PATIENCE
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

SERVICE = "forgepoint.rpctest.v1.ShapesService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture
def endless(scripted):
    """Every method waits; `entered` says that one does, `go` lets it end."""
    scripted.entered, scripted.go = asyncio.Event(), asyncio.Event()

    async def one(request, context):
        scripted.entered.set()
        await scripted.go.wait()
        return await type(scripted).one(scripted, request, context)

    async def out(request, context):
        scripted.entered.set()
        await scripted.go.wait()
        async for answer in type(scripted).out(scripted, request, context):
            yield answer

    scripted.one, scripted.out, scripted.both = one, out, out
    return scripted


async def test_a_stop_lets_a_running_call_end_and_takes_no_new_one(serve, shapes, keys, endless, until):
    running = await serve()
    stub = running.stub(keys.sign())
    call = asyncio.ensure_future(stub.One(shapes.pb.Request(text="x")))
    await endless.entered.wait()

    stopping = asyncio.ensure_future(running.server.stop(PATIENCE))
    await asyncio.sleep(0)
    endless.go.set()

    assert (await call).text == "one x"
    await stopping
    with pytest.raises(Unavailable):
        await stub.One(shapes.pb.Request())


@pytest.mark.parametrize("method", ["Out", "Both"])
async def test_open_streams_are_told_that_the_server_goes_away(serve, shapes, keys, endless, method):
    running = await serve()
    stub = running.stub(keys.sign(), policy=ChannelPolicy(retry=RetryPolicy(attempts=1)))
    call = stub.Out(shapes.pb.Request()) if method == "Out" else stub.Both()
    reading = asyncio.ensure_future(call.read())
    await endless.entered.wait()

    await running.server.stop(1.0)

    with pytest.raises(Unavailable) as ended:
        await reading
    assert ended.value.reason == "DRAINING"
    assert ended.value.retry_after == 0.0


async def test_a_call_that_outlasts_the_grace_is_cut(serve, shapes, keys, endless):
    running = await serve()
    call = asyncio.ensure_future(running.stub(keys.sign()).One(shapes.pb.Request()))
    await endless.entered.wait()

    await running.server.stop(0.05)

    with pytest.raises(Unavailable):
        await call


async def test_a_stop_before_the_start_and_a_second_stop_do_nothing(serve, keys):
    idle = Server("test", resolver=JwtResolver("x", StaticJwks(keys.jwks)), metrics=Metrics("test"))
    await idle.stop(1.0)

    running = await serve()
    await running.server.stop(0.0)
    await running.server.stop(0.0)


async def test_a_taken_address_is_an_os_error(serve, resolver):
    running = await serve()
    second = Server("test", resolver=resolver, metrics=Metrics("test"), audit=NoAudit())

    with pytest.raises(OSError, match=f"cannot listen on {running.address}"):
        await second.start(running.address)


async def test_health_follows_the_server(serve):
    running = await serve()
    stub = health_pb2_grpc.HealthStub(running.bare())

    async def status(service=""):
        return (await stub.Check(health_pb2.HealthCheckRequest(service=service))).status

    assert (await status(), await status(SERVICE)) == (SERVING, SERVING)
    running.server.set_serving(False)
    assert (await status(), await status(SERVICE)) == (NOT_SERVING, NOT_SERVING)
    with pytest.raises(grpc.aio.AioRpcError) as unknown:
        await status("nobody")
    assert unknown.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_server_does_not_serve_before_it_is_told_to(shapes, scripted, resolver):
    server = Server("test", resolver=resolver, metrics=Metrics("test"), audit=NoAudit())
    server.add(shapes.rpc.add_ShapesServiceServicer_to_server, scripted)
    port = await server.start("127.0.0.1:0")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    await server.stop(0.0)

    assert answer.status == NOT_SERVING


async def test_a_health_watch_is_told_changes_and_does_not_hold_the_stop(serve):
    running = await serve()
    watch = health_pb2_grpc.HealthStub(running.bare()).Watch(health_pb2.HealthCheckRequest(service=SERVICE))

    assert (await watch.read()).status == SERVING
    running.server.set_serving(False)
    assert (await watch.read()).status == NOT_SERVING
    running.server.set_serving(True)
    assert (await watch.read()).status == SERVING
    async with asyncio.timeout(PATIENCE):
        await running.server.stop(60.0)

    assert (await watch.read()).status == NOT_SERVING
    assert await watch.read() is grpc.aio.EOF


async def services_of(running):
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    call = reflection_pb2_grpc.ServerReflectionStub(running.bare()).ServerReflectionInfo(iter([request]))
    answer = await call.read()
    call.cancel()
    return {service.name for service in answer.list_services_response.service}


async def test_reflection_is_there_by_flag(serve):
    assert SERVICE in await services_of(await serve(reflection=True))


async def test_reflection_is_not_there_without_the_flag(serve):
    with pytest.raises(grpc.aio.AioRpcError) as missing:
        await services_of(await serve())

    assert missing.value.code() is grpc.StatusCode.UNIMPLEMENTED
