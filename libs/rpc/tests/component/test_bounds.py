"""What callers can hold of a server, before and after it knows them."""

import asyncio
from contextlib import AsyncExitStack

import grpc
import pytest
from fp_rpc import from_rpc_error
from fp_testkit.patience import PATIENCE
from grpc_health.v1 import health_pb2, health_pb2_grpc

PATH = "/forgepoint.rpctest.v1.ShapesService/"


@pytest.fixture
def begin(shapes):
    """A call of a single request whose headers are sent, and whose body never ends."""

    def start(channel, method, token="", timeout=PATIENCE):
        call = channel.stream_unary(
            PATH + method,
            request_serializer=shapes.pb.Request.SerializeToString,
            response_deserializer=shapes.pb.Response.FromString,
        )
        return call(metadata=(("authorization", f"Bearer {token}"),) if token else None, timeout=timeout)

    return start


async def refusal(call):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return from_rpc_error(refused.value)


async def test_a_stranger_is_refused_before_his_body_is_read(serve, begin, keys):
    running = await serve()
    calls = [begin(running.bare(), "One", token) for token in ("", "no.token", "fp_x", keys.sign(exp=1))]

    reasons = {(await refusal(call)).kind for call in calls}

    assert reasons == {"UNAUTHENTICATED"}
    assert running.sample("grpc_in_flight") == 0


@pytest.mark.parametrize("method", ["One", "Out"])
async def test_a_body_that_does_not_come_ends_with_the_deadline(serve, begin, keys, make_policy, method):
    running = await serve(policy=make_policy(default_deadline=0.2))

    late = await refusal(begin(running.bare(), method, keys.sign(), timeout=None))

    assert late.kind == "DEADLINE_EXCEEDED"


async def test_calls_whose_bodies_are_under_way_count(serve, begin, keys, make_policy, until):
    running = await serve(policy=make_policy(max_concurrent_rpcs=3))
    channel = running.bare()
    held = [begin(channel, "One", keys.sign()) for _ in range(3)]
    await until(lambda: running.sample("grpc_in_flight") == 3)

    assert (await refusal(begin(channel, "One", keys.sign()))).reason == "TOO_MANY_CALLS"
    for call in held:
        call.cancel()
    await until(lambda: running.sample("grpc_in_flight") == 0)


async def test_bodies_under_way_are_bounded_in_bytes(serve, shapes, keys, scripted, make_policy, until):
    running = await serve(policy=make_policy(max_bytes_in_flight=150_000))
    entered, go = [], asyncio.Event()

    async def one(request, context):
        entered.append(request)
        await go.wait()
        return shapes.pb.Response()

    scripted.one = one
    stub = running.plain()
    metadata = (("authorization", f"Bearer {keys.sign()}"),)
    request = shapes.pb.Request(payload=bytes(100_000))
    first = asyncio.ensure_future(stub.One(request, metadata=metadata, timeout=PATIENCE))
    await until(lambda: len(entered) == 1)

    second = await refusal(stub.One(request, metadata=metadata, timeout=PATIENCE))
    assert (second.reason, second.metadata) == ("TOO_MANY_CALLS", {"quota": "bytes"})
    go.set()
    await first

    await stub.One(request, metadata=metadata, timeout=PATIENCE)


async def test_one_body_is_taken_however_large_the_bound(serve, shapes, keys, make_policy):
    running = await serve(policy=make_policy(max_bytes_in_flight=1))

    assert (await running.stub(keys.sign()).One(shapes.pb.Request(payload=bytes(1_000)))).payload == bytes(1_000)


async def test_bodies_that_anybody_may_begin_are_few(serve, begin, shapes, keys, until):
    running = await serve()
    channel = running.bare()
    held = [begin(channel, "Open") for _ in range(32)]
    await until(lambda: running.sample("grpc_in_flight") == 32)

    assert (await refusal(begin(channel, "Open"))).reason == "TOO_MANY_CALLS"
    assert (await running.stub(keys.sign()).One(shapes.pb.Request(text="x"))).text == "one x"
    for call in held:
        call.cancel()


async def test_a_call_without_a_body_is_refused(serve, begin, keys):
    running = await serve()
    call = begin(running.bare(), "One", keys.sign())
    await call.done_writing()

    assert (await refusal(call)).reason == "MALFORMED_BODY"


async def test_health_watches_are_bounded_and_leave_room_for_checks(serve):
    running = await serve()
    stub = health_pb2_grpc.HealthStub(running.bare())
    async with AsyncExitStack() as stack:
        for _ in range(50):
            watch = stub.Watch(health_pb2.HealthCheckRequest())
            stack.callback(watch.cancel)
            await watch.read()

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Watch(health_pb2.HealthCheckRequest()).read()
        checks = [stub.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE) for _ in range(50)]
        answers = await asyncio.gather(*checks)

    assert {answer.status for answer in answers} == {health_pb2.HealthCheckResponse.SERVING}
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("method", ["One", "Out", "In", "Both"])
async def test_waiting_for_auth_ends_with_the_deadline(serve, shapes, make_policy, method):
    class Silent:
        async def resolve(self, credential):
            await asyncio.get_running_loop().create_future()

    running = await serve(policy=make_policy(default_deadline=0.2), resolver=Silent())
    call = getattr(running.plain(), method)
    arguments = [shapes.pb.Request()] if method in ("One", "Out") else []
    calling = call(*arguments, metadata=(("authorization", "Bearer x"),))

    with pytest.raises(grpc.aio.AioRpcError) as late:
        async with asyncio.timeout(PATIENCE):
            await (calling.read() if method in ("Out", "Both") else calling)

    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
