"""Commands that come twice."""

import pytest
from fp_kernel import InvalidArgument, Replayed
from fp_rpc import command, current_call


class Log:
    """Does each command once, as a database would."""

    def __init__(self, shapes):
        self._shapes = shapes
        self._done = {}
        self.commands = []

    async def handle(self, request, context):
        asked = command(request, lambda number: self._shapes.pb.Response(text=f"done {number}"))
        self.commands.append(asked)
        key = (asked.team, asked.rpc, asked.key)
        if key in self._done:
            raise Replayed(self._done[key])
        self._done[key] = asked.encode(len(self._done))
        return self._shapes.pb.Response.FromString(self._done[key])


@pytest.fixture
def log(shapes, scripted):
    log = Log(shapes)
    scripted.one = log.handle
    return log


async def test_a_command_sent_twice_answers_its_first_response(serve, shapes, keys, log):
    stub = (await serve()).stub(keys.sign(scopes=["models:write"]))
    request = shapes.pb.Request(text="x", idempotency_key="k")

    first = await stub.Write(request)
    again = stub.Write(request)

    assert await again == first == shapes.pb.Response(text="done 0")
    assert (await again.trailing_metadata())["fp-replayed"] == "true"
    assert (await stub.Write(shapes.pb.Request(text="x", idempotency_key="other"))).text == "done 1"


async def test_a_stream_answers_its_first_response_too(serve, shapes, keys, scripted):
    async def replayed(request, context):
        raise Replayed(shapes.pb.Response(text="stored").SerializeToString())
        yield

    scripted.out = scripted.both = replayed
    stub = (await serve()).stub(keys.sign())

    assert [answer.text async for answer in stub.Out(shapes.pb.Request())] == ["stored"]
    assert [answer.text async for answer in stub.Both()] == ["stored"]


async def test_the_key_may_come_as_a_header(serve, shapes, keys, log):
    stub = (await serve()).stub(keys.sign(scopes=["models:write"]))

    await stub.Write(shapes.pb.Request(text="x"), metadata=(("idempotency-key", "from the header"),))
    await stub.Write(shapes.pb.Request(idempotency_key="body"), metadata=(("idempotency-key", "header"),))
    await stub.Write(shapes.pb.Request(text="x"))

    assert [asked.key for asked in log.commands] == ["from the header", "body", ""]
    assert {(asked.team, asked.rpc) for asked in log.commands} == {
        ("red", "/forgepoint.rpctest.v1.ShapesService/Write")
    }


async def test_the_fingerprint_is_of_the_body_without_its_key(serve, shapes, keys, log):
    stub = (await serve()).stub(keys.sign(scopes=["models:write"]))

    await stub.Write(shapes.pb.Request(text="x", idempotency_key="a"))
    await stub.Write(shapes.pb.Request(text="x", idempotency_key="b"))
    await stub.Write(shapes.pb.Request(text="y", idempotency_key="a2"))

    first, same_body, other_body = (asked.fingerprint for asked in log.commands)
    assert first == same_body != other_body


@pytest.mark.parametrize("key", ["k" * 256, "a\nb", "\x00"])
async def test_an_unfit_key_is_named(serve, shapes, keys, log, key):
    stub = (await serve()).stub(keys.sign(scopes=["models:write"]))

    with pytest.raises(InvalidArgument) as raised:
        await stub.Write(shapes.pb.Request(idempotency_key=key))

    assert raised.value.fields[0].field == "idempotency_key"


async def test_a_command_belongs_to_the_team_that_a_service_acts_for(serve, shapes, keys, log, bearer):
    stub = (await serve()).plain()

    await stub.Write(
        shapes.pb.Request(idempotency_key="k"), metadata=bearer(keys.service(), fp_on_behalf_of_team="blue")
    )

    assert log.commands[0].team == "blue"


async def test_a_job_s_key_means_nothing_to_another_execution(serve, shapes, keys, log):
    server, request = await serve(), shapes.pb.Request(text="x", idempotency_key="k")

    answers = [
        (await server.stub(keys.sign(execution_id=execution, scopes=["models:write"])).Write(request)).text
        for execution in ("a", "b", "a", "")
    ]

    assert answers == ["done 0", "done 1", "done 0", "done 2"]


def test_there_is_no_call_outside_a_handler():
    with pytest.raises(LookupError):
        current_call()
