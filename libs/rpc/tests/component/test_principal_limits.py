"""One caller floods a server, and others are served. At these rates nobody earns a token while a test runs."""

import asyncio

import grpc
import pytest
from fp_rpc import from_rpc_error
from fp_rpc.server.principal_limits import PrincipalLimit
from fp_testkit.patience import PATIENCE

PATH = "/forgepoint.rpctest.v1.ShapesService/"
NEVER = 1e-6


@pytest.fixture
def start(serve, make_policy):
    async def running(**limit):
        return await serve(policy=make_policy(principals=PrincipalLimit(**limit)))

    return running


@pytest.fixture
def flood(keys):
    return keys.sign(sub="flood", team="red")


@pytest.fixture
def other(keys):
    return keys.sign(sub="other", team="blue")


async def refusal(call):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return from_rpc_error(refused.value)


async def test_a_caller_who_floods_a_server_is_refused_while_another_is_served(start, shapes, bearer, flood, other):
    running = await start(rate=NEVER, crowd=0)
    stub, request = running.plain(), shapes.pb.Request(text="x")

    async def ask(token):
        return await stub.One(request, metadata=bearer(token), timeout=PATIENCE)

    answers = await asyncio.gather(*(ask(flood) for _ in range(50)), return_exceptions=True)

    refused = [from_rpc_error(each) for each in answers if isinstance(each, grpc.aio.AioRpcError)]
    assert len(refused) == 49
    assert {(each.kind.value, each.reason) for each in refused} == {("RESOURCE_EXHAUSTED", "PRINCIPAL_LIMITED")}
    assert min(each.retry_after for each in refused) > 0
    assert (await ask(other)).text == "one x"
    assert running.sample("grpc_limited_requests_total", kind="read", reason="rate") == 49


async def test_he_is_served_as_fast_as_he_asks_once_there_is_room(start, shapes, scripted, bearer, flood, other, until):
    running = await start(rate=NEVER, crowd=3)
    stub, request, go = running.plain(), shapes.pb.Request(), asyncio.Event()
    quick = scripted.one

    async def slow(request, context):
        await go.wait()
        return shapes.pb.Response()

    scripted.one = slow
    held = [asyncio.ensure_future(stub.One(request, metadata=bearer(other), timeout=PATIENCE)) for _ in range(2)]
    await until(lambda: running.sample("grpc_in_flight") == 2)
    scripted.one = quick

    await stub.One(request, metadata=bearer(flood), timeout=PATIENCE)
    assert (await refusal(stub.One(request, metadata=bearer(flood), timeout=PATIENCE))).metadata["quota"] == "rate"
    go.set()
    await asyncio.gather(*held)
    for _ in range(20):
        await stub.One(request, metadata=bearer(flood), timeout=PATIENCE)


async def test_he_is_refused_before_his_body_is_read(start, shapes, bearer, flood):
    running = await start(rate=NEVER, crowd=0)
    channel = running.bare()
    await running.plain().One(shapes.pb.Request(), metadata=bearer(flood), timeout=PATIENCE)
    endless = channel.stream_unary(PATH + "One")

    assert (await refusal(endless(metadata=bearer(flood), timeout=PATIENCE))).reason == "PRINCIPAL_LIMITED"


async def test_streams_that_he_holds_leave_room_for_others(start, shapes, scripted, bearer, flood, other, until):
    running = await start(calls=2)
    stub = running.plain()

    async def endless(request, context):
        yield shapes.pb.Response()
        await asyncio.Event().wait()

    scripted.out = endless
    held = [stub.Out(shapes.pb.Request(), metadata=bearer(flood)) for _ in range(2)]
    for each in held:
        await each.read()

    refused = await refusal(stub.One(shapes.pb.Request(), metadata=bearer(flood), timeout=PATIENCE))
    assert (refused.reason, refused.metadata["quota"]) == ("PRINCIPAL_LIMITED", "calls")
    await stub.One(shapes.pb.Request(), metadata=bearer(other), timeout=PATIENCE)
    for each in held:
        each.cancel()
    await until(lambda: running.sample("grpc_in_flight") == 0)
    await stub.One(shapes.pb.Request(), metadata=bearer(flood), timeout=PATIENCE)


async def test_calls_that_fail_and_calls_that_are_refused_leave_no_place_taken(start, shapes, scripted, bearer, flood):
    running = await start(calls=1)
    stub, quick = running.plain(), scripted.one

    async def fails(request, context):
        raise RuntimeError

    scripted.one = fails
    for _ in range(3):
        assert (await refusal(stub.One(shapes.pb.Request(), metadata=bearer(flood)))).kind == "INTERNAL"
        assert (await refusal(stub.Write(shapes.pb.Request(), metadata=bearer(flood)))).kind == "PERMISSION_DENIED"
    scripted.one = quick

    await stub.One(shapes.pb.Request(), metadata=bearer(flood), timeout=PATIENCE)


async def test_a_service_of_the_platform_asks_without_a_share(start, shapes, keys, bearer):
    running = await start(rate=NEVER, crowd=0, calls=1)
    stub, request = running.plain(), shapes.pb.Request()

    await asyncio.gather(*(stub.One(request, metadata=bearer(keys.service()), timeout=PATIENCE) for _ in range(30)))
