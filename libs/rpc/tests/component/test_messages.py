"""Sizes and forms of messages."""

import grpc
import pytest
from fp_kernel import InvalidArgument, ResourceExhausted
from fp_rpc import to_problem
from fp_rpc.errors import MESSAGE_TOO_LARGE
from fp_testkit.patience import PATIENCE

MIB = 1024 * 1024


async def test_sixteen_mebibytes_go_both_ways(serve, shapes, keys):
    stub = (await serve()).stub(keys.sign())

    answer = await stub.One(shapes.pb.Request(payload=bytes(16 * MIB)))

    assert len(answer.payload) == 16 * MIB


def too_big(shapes):
    return shapes.pb.Request(payload=bytes(20 * MIB))


@pytest.mark.parametrize("method", ["One", "Out", "In", "Both"])
async def test_a_bigger_message_is_refused_by_a_typed_error(serve, shapes, keys, method):
    stub = (await serve()).stub(keys.sign())

    async def requests():
        yield too_big(shapes)

    call = getattr(stub, method)(requests() if method in ("In", "Both") else too_big(shapes))
    with pytest.raises(ResourceExhausted) as raised:
        await (call.read() if method in ("Out", "Both") else call)

    assert raised.value.reason == MESSAGE_TOO_LARGE
    assert int(raised.value.metadata["size_bytes"]) > 20 * MIB
    assert raised.value.fields[0].field == "message"
    assert to_problem(raised.value)["status"] == 413


async def test_a_client_of_another_make_is_told_the_size_in_details(serve, shapes, keys, bearer):
    stub = (await serve()).plain()

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.One(too_big(shapes), metadata=bearer(keys.sign()))

    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "bytes, at most" in raised.value.details()
    assert b"MESSAGE_TOO_LARGE" in raised.value.trailing_metadata()["grpc-status-details-bin"]


async def test_what_grpc_itself_refuses_is_typed_as_well(serve, shapes, keys):
    running = await serve()
    stub = running.stub(keys.sign(), timeout=PATIENCE)

    with pytest.raises(ResourceExhausted) as raised:
        await stub.One(shapes.pb.Request(payload=bytes(40 * MIB)))

    assert raised.value.reason == MESSAGE_TOO_LARGE
    assert (await stub.One(shapes.pb.Request(text="still there"))).text == "one still there"


@pytest.mark.parametrize("method", ["One", "Out"])
async def test_an_answer_that_is_too_big_is_a_typed_error(serve, shapes, keys, scripted, method):
    async def big(request, context):
        return shapes.pb.Response(payload=bytes(20 * MIB))

    async def big_stream(request, context):
        yield shapes.pb.Response(payload=bytes(20 * MIB))

    scripted.one, scripted.out = big, big_stream
    call = getattr((await serve()).stub(keys.sign()), method)(shapes.pb.Request())

    with pytest.raises(ResourceExhausted) as raised:
        await (call.read() if method == "Out" else call)

    assert raised.value.reason == MESSAGE_TOO_LARGE


@pytest.mark.parametrize("shape", ["unary_unary", "unary_stream", "stream_unary", "stream_stream"])
async def test_bytes_that_are_no_message_are_an_invalid_argument(serve, keys, bearer, shape):
    names = {"unary_unary": "One", "unary_stream": "Out", "stream_unary": "In", "stream_stream": "Both"}
    channel = (await serve()).bare()
    method = getattr(channel, shape)(f"/forgepoint.rpctest.v1.ShapesService/{names[shape]}")
    garbage = b"\xff\xff\xff"

    async def requests():
        yield garbage

    call = method(requests() if shape.startswith("stream") else garbage, metadata=bearer(keys.sign()))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await (call.read() if shape.endswith("stream") else call)

    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert b"MALFORMED_BODY" in raised.value.trailing_metadata()["grpc-status-details-bin"]


async def test_an_unknown_method_of_a_known_service_is_unimplemented(serve):
    channel = (await serve()).bare()

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await channel.unary_unary("/forgepoint.rpctest.v1.ShapesService/Nowhere")(b"")

    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_field_violation_made_by_a_handler_of_a_stream_arrives(serve, shapes, keys, scripted):
    async def picky(requests, context):
        async for request in requests:
            raise InvalidArgument(f"text: {request.text} is bad")
            yield

    scripted.both = picky
    call = (await serve()).stub(keys.sign()).Both()
    await call.write(shapes.pb.Request(text="x"))

    with pytest.raises(InvalidArgument, match="text: x is bad"):
        await call.read()


@pytest.mark.parametrize("method", ["One", "Out", "In", "Both"])
async def test_a_text_that_no_store_can_hold_is_refused_before_the_handler_sees_it(serve, shapes, keys, method):
    stub = (await serve()).stub(keys.sign())
    request = shapes.pb.Request(thing_id="a\0b")

    async def requests():
        yield request

    call = getattr(stub, method)(requests() if method in ("In", "Both") else request)
    with pytest.raises(InvalidArgument) as raised:
        await (call.read() if method in ("Out", "Both") else call)

    assert [violation.field for violation in raised.value.fields] == ["thing_id"]


async def test_bytes_may_be_zero(serve, shapes, keys):
    answer = await (await serve()).stub(keys.sign()).One(shapes.pb.Request(text="x", payload=bytes(100_000)))

    assert answer.payload == bytes(100_000)
