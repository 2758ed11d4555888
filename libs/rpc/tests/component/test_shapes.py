"""All four shapes through the server and our channels."""

import grpc
import pytest
from fp_kernel import NotFound, invalid


async def test_a_unary_call_is_answered(serve, shapes, keys):
    stub = (await serve()).stub(keys.sign())

    answer = await stub.One(shapes.pb.Request(text="hello"))

    assert answer.text == "one hello"


async def test_a_server_stream_is_read_by_iteration(serve, shapes, keys):
    stub = (await serve()).stub(keys.sign())

    answers = [answer.text async for answer in stub.Out(shapes.pb.Request(text="n"))]

    assert answers == ["n 0", "n 1", "n 2"]


async def test_a_server_stream_is_read_one_by_one_to_its_end(serve, shapes, keys):
    call = (await serve()).stub(keys.sign()).Out(shapes.pb.Request(text="n"))

    answers = [(await call.read()).text for _ in range(3)]

    assert answers == ["n 0", "n 1", "n 2"]
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


async def test_a_client_stream_is_sent_by_an_iterator(serve, shapes, keys):
    stub = (await serve()).stub(keys.sign())

    async def requests():
        for text in ("a", "b"):
            yield shapes.pb.Request(text=text)

    answer = await stub.In(requests())

    assert answer.text == "a b"


async def test_a_client_stream_is_written_one_by_one(serve, shapes, keys):
    call = (await serve()).stub(keys.sign()).In()

    for text in ("a", "b", "c"):
        await call.write(shapes.pb.Request(text=text))
    await call.done_writing()

    assert (await call).text == "a b c"


async def test_a_two_way_stream_answers_as_it_is_written(serve, shapes, keys):
    call = (await serve()).stub(keys.sign()).Both()

    for text in ("a", "b"):
        await call.write(shapes.pb.Request(text=text))
        assert (await call.read()).text == f"both {text}"
    await call.done_writing()

    assert await call.read() is grpc.aio.EOF


async def test_a_handler_may_write_a_stream_by_itself(serve, shapes, keys, scripted):
    class Writing(type(scripted)):
        async def Out(self, request, context):
            await context.write(shapes.pb.Response(text="written"))

    stub = (await serve(Writing())).stub(keys.sign())

    assert [answer.text async for answer in stub.Out(shapes.pb.Request())] == ["written"]


def failing(error):
    async def coroutine(request, context):
        raise error

    async def generator(request, context):
        raise error
        yield

    return coroutine, generator


@pytest.mark.parametrize("shape", ["One", "Out", "In", "Both"])
async def test_an_error_of_a_handler_arrives_as_it_was_raised(serve, shapes, keys, scripted, shape):
    error = invalid("steps[2].depends_on", "must name a step")
    scripted.one, scripted.out = failing(error)
    scripted.in_, scripted.both = failing(error)
    stub = (await serve()).stub(keys.sign())

    with pytest.raises(type(error)) as raised:
        await outcome(stub, shape, shapes)

    assert raised.value.message == error.message
    assert raised.value.fields == error.fields
    assert raised.value.reason == "INVALID_ARGUMENT"


@pytest.mark.parametrize("shape", ["Out", "Both"])
async def test_an_error_in_the_middle_of_a_stream_comes_after_its_messages(serve, shapes, keys, scripted, shape):
    async def broken(request, context):
        yield shapes.pb.Response(text="first")
        raise NotFound("it is gone")

    scripted.out = scripted.both = broken
    stub = (await serve()).stub(keys.sign())
    call = start(stub, shape, shapes)

    assert (await call.read()).text == "first"
    with pytest.raises(NotFound, match="it is gone"):
        await call.read()


async def requests_of(shapes):
    yield shapes.pb.Request(text="x")


def start(stub, shape, shapes):
    return getattr(stub, shape)(requests_of(shapes) if shape in ("In", "Both") else shapes.pb.Request(text="x"))


async def outcome(stub, shape, shapes):
    call = start(stub, shape, shapes)
    return [answer async for answer in call] if shape in ("Out", "Both") else await call
