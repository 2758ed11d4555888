"""A method that is called as plain HTTP, over HTTP/1.1 and over HTTP/2, at the port of gRPC."""

import asyncio
import json
from types import SimpleNamespace

import httpx
import pytest
from fp_kernel import Replayed, ResourceExhausted
from fp_rpc import ServerPolicy
from fp_rpc.http1 import connection
from fp_rpc.http2 import frames
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE

from libs.rpc.tests.component.raw_http1 import PATH, exchange, request


class Audit:
    def __init__(self):
        self.records = asyncio.Queue()

    async def record(self, records):
        for record in records:
            self.records.put_nowait(record)


@pytest.fixture(params=["HTTP/1.1", "HTTP/2"])
def ask(request, keys, speaker):
    """Sends a body and answers status, headers and body; without a token where it is empty."""

    async def over_http1(running, body, *, token=None, path=PATH, **sent):
        # A client library sends what it says.
        body = body or bytes(int(sent.get("content_length", 0)))
        async with httpx.AsyncClient(base_url=f"http://{running.address}", timeout=PATIENCE, verify=NO_TLS) as client:
            answer = await client.post(path, content=body, headers=_headers(keys, token, sent))
            return SimpleNamespace(status=answer.status_code, headers=answer.headers, body=answer.content)

    async def over_http2(running, body, *, token=None, path=PATH, **sent):
        client = await speaker(running)
        head = [(":method", "POST"), (":scheme", "http"), (":path", path), *_headers(keys, token, sent).items()]
        block = client.packing.encode(head)
        client.send(frames.frame(frames.HEADERS, frames.END_HEADERS, 1, block))
        for at in range(0, len(body), frames.LARGEST):
            client.send(frames.frame(frames.DATA, 0, 1, body[at : at + frames.LARGEST]))
        if "content_length" not in sent:
            client.send(frames.frame(frames.DATA, frames.END_STREAM, 1, b""))
        await client.until(lambda: client.closed or any(flags & 1 and of == 1 for _, flags, of, _ in client.frames))
        [found] = client.of(frames.HEADERS, 1)
        return SimpleNamespace(status=int(found[":status"]), headers=found, body=client.data(1))

    return over_http1 if request.param == "HTTP/1.1" else over_http2


def _headers(keys, token, sent):
    bearer = {} if token == "" else {"authorization": f"Bearer {token or keys.sign()}"}
    return {**bearer, **{name.replace("_", "-"): value for name, value in sent.items()}}


async def test_a_document_is_answered_by_a_document(serve, ask):
    running = await serve(http="One")
    answer = await ask(running, b"x", x_request_id="mine-1")

    assert (answer.status, answer.body) == (200, b"one x")
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["content-length"] == "5"
    assert (answer.headers["x-own"], answer.headers["x-request-id"]) == ("1", "mine-1")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    method = "forgepoint.rpctest.v1.ShapesService/One"
    assert running.sample("grpc_requests_total", method=method, code="OK") == 1


async def test_what_is_refused_over_grpc_is_refused_here_with_a_problem(serve, ask, keys):
    running = await serve(http="One")
    nobody = await ask(running, b"x", token="")
    stranger = await ask(running, b"x", token=keys.sign(scopes=["users:read"]))
    wrong = await ask(running, b"wrong")
    null = await ask(running, b"a\\u0000b")

    assert [each.status for each in (nobody, stranger, wrong, null)] == [401, 403, 400, 400]
    for each in (nobody, stranger, wrong, null):
        assert each.headers["content-type"] == "application/problem+json"
        assert each.headers["x-request-id"]
        assert json.loads(each.body)["error"]["code"] == each.status
    assert json.loads(wrong.body)["fields"][0]["field"] == "body"
    assert json.loads(nobody.body)["reason"] == "CREDENTIAL_MISSING"


async def test_a_failure_says_when_to_come_again_and_nothing_of_its_cause(serve, ask, scripted):
    async def one(request, context):
        if request.text == "busy":
            raise ResourceExhausted("slow down", retry_after=2.5)
        raise RuntimeError("10.0.0.1 is on fire")

    scripted.one = one
    running = await serve(http="One")
    busy, broken = await ask(running, b"busy"), await ask(running, b"x")

    assert (busy.status, busy.headers["retry-after"]) == (429, "3")
    assert broken.status == 500
    assert b"fire" not in broken.body


async def test_a_call_is_audited_with_what_its_path_names(serve, ask, keys):
    audit = Audit()
    running = await serve(http="Write", audit=audit)
    await ask(running, b"x", token=keys.sign(scopes=["models:write"]))
    await ask(running, b"x")

    async with asyncio.timeout(PATIENCE):
        made, denied = await audit.records.get(), await audit.records.get()
    assert [(each.status, each.resource_id) for each in (made, denied)] == [
        ("OK", "t-1"),
        ("PERMISSION_DENIED", "t-1"),
    ]


async def test_a_repeated_command_gets_the_stored_answer(serve, ask, scripted, shapes):
    async def one(request, context):
        raise Replayed(shapes.pb.Response(text="before").SerializeToString())

    scripted.one = one
    answer = await ask(await serve(http="One"), b"x")

    assert (answer.status, answer.body, answer.headers["fp-replayed"]) == (200, b"before", "true")


async def test_trailers_of_a_handler_are_headers(serve, ask, scripted, shapes):
    async def one(request, context):
        context.set_trailing_metadata((("ratelimit-remaining", "7"),))
        return shapes.pb.Response(text="x")

    scripted.one = one

    assert (await ask(await serve(http="One"), b"x")).headers["ratelimit-remaining"] == "7"


async def test_large_bodies_come_and_go_whole(serve, ask, scripted, shapes):
    async def one(request, context):
        return shapes.pb.Response(text=f"{len(request.text)} ", payload=bytes(50_000))

    scripted.one = one
    answer = await ask(await serve(http="One"), b"x" * 60_000)

    assert (answer.status, answer.body) == (200, b"60000 " + bytes(50_000))


async def test_a_body_over_the_limit_is_refused_by_its_name(serve, ask):
    running = await serve(http="One", policy=ServerPolicy(max_message_bytes=1024 * 1024 + 10))
    answer = await ask(running, b"", content_length=str(1024 * 1024 + 1))

    assert answer.status == 413
    assert json.loads(answer.body)["fields"][0]["field"] == "body"


async def test_a_call_that_lasts_longer_than_it_may_is_ended(serve, ask, scripted):
    async def one(request, context):
        await asyncio.Event().wait()

    scripted.one = one
    answer = await ask(await serve(http="One", policy=ServerPolicy(default_deadline=0.05)), b"x")

    assert (answer.status, json.loads(answer.body)["kind"]) == (504, "DEADLINE_EXCEEDED")


async def test_what_is_not_served_is_refused(serve, ask):
    running = await serve(http="One")

    assert {(await ask(running, b"x", path=path)).status for path in ("/things/do", "/things/a/b/do")} <= {404, 415}
    assert (await ask(running, b"x", path="/things/a%20b/do?_=1")).status == 200


# HTTP/1.1 alone


async def test_requests_of_a_connection_are_answered_in_order(serve, keys):
    running = await serve(http="One")
    last = request(keys, "connection: close", body=b"three")

    answer = await exchange(running.address, request(keys, body=b"one") + request(keys, body=b"two") + last)

    assert [answer.index(text) for text in (b"one one", b"one two", b"one three")] == sorted(
        answer.index(text) for text in (b"one one", b"one two", b"one three")
    )
    assert answer.count(b"HTTP/1.1 200 OK") == 3


async def test_a_request_is_read_however_its_bytes_are_cut(serve, keys):
    running = await serve(http="One")
    chunked = request(keys, "transfer-encoding: chunked", "connection: close", body=b"2\r\nab\r\n0\r\n\r\n", length="")

    answer = await exchange(running.address, *(chunked[at : at + 5] for at in range(0, len(chunked), 5)))

    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"one ab")


async def test_a_body_is_asked_for_when_its_caller_is_known(serve, keys):
    running = await serve(http="One")
    host, _, port = running.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request(keys, "expect: 100-continue", "connection: close", body=b"", length=1))
    async with asyncio.timeout(PATIENCE):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"x")
        assert (await reader.read()).endswith(b"one x")
    writer.close()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", b"404"),
        (b"GET /things/a/do HTTP/1.1\r\nhost: x\r\n\r\n", b"405"),
        (b"POST /things/a/do HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\nx", b"400"),
        (b"POST /things/a/do HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx", b"400"),
        (b"POST /things/a/do HTTP/1.1\r\nhost: x\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n", b"400"),
        (b"POST /things/a/do HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nx: " + b"y" * 20_000 + b"\r\n\r\n", b"431"),
        (b"NOTHING AT ALL\r\n\r\n", b"400"),
    ],
)
async def test_what_is_no_call_is_refused_and_told_that_nothing_follows(serve, sent, status, monkeypatch):
    # Its end comes with its refusal, not when the server has read enough of what follows.
    monkeypatch.setattr(connection, "_LINGER", 2 * PATIENCE)

    answer = await exchange((await serve(http="One")).address, sent + b"GET / HTTP/1.1\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 " + status)
    assert answer.count(b"HTTP/1.1") == 1


async def test_without_a_path_the_port_speaks_http2_alone(serve):
    answer = await exchange((await serve()).address, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")

    assert not answer.startswith(b"HTTP/1.1")


async def test_a_call_whose_client_left_is_given_up(serve, keys, scripted, until):
    begun, ended = asyncio.Event(), asyncio.Event()

    async def one(request, context):
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    scripted.one = one
    running = await serve(http="One")
    host, _, port = running.address.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(request(keys))
    async with asyncio.timeout(PATIENCE):
        await begun.wait()
        writer.transport.abort()
        await ended.wait()
    await until(lambda: running.sample("grpc_in_flight") == 0)


async def test_a_stop_answers_what_is_under_way_and_closes_what_is_idle(serve, keys, scripted, shapes):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def one(request, context):
        begun.set()
        await go_on.wait()
        return shapes.pb.Response(text="done")

    scripted.one = one
    running = await serve(http="One")
    under_way = asyncio.ensure_future(exchange(running.address, request(keys)))
    idle = asyncio.ensure_future(exchange(running.address, request(keys)[:20]))
    async with asyncio.timeout(PATIENCE):
        await begun.wait()
        stop = asyncio.ensure_future(running.server.stop(PATIENCE))
        assert await idle == b""
        go_on.set()
        assert (await under_way).endswith(b"done")
        await stop
