"""Envoy itself, with our configuration, in front of an upstream that tells what reached it."""

import asyncio
import contextlib
import json

import grpc
import httpx
import pytest
from fp_edge import admin
from fp_rpc.server.health import Health
from fp_testkit.edge_process import EdgeProcess
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE

LIST = "/forgepoint.registry.v1.RegistryService/ListModels"
SLOW = "/forgepoint.registry.v1.RegistryService/GetModel"
LOGIN = "/forgepoint.auth.v1.AuthService/Login"
INTERNAL = "/forgepoint.auth.v1.WithdrawalService/ListWithdrawals"
BEARER = (("authorization", "Bearer x"),)
ORIGIN = "https://page.example"


class Upstream(grpc.GenericRpcHandler):
    """Answers with the headers that it got. name: of itself, added to them."""

    def __init__(self, name):
        self.name, self.begun, self.go_on = name, asyncio.Event(), asyncio.Event()

    def service(self, details):
        async def answer(_, context):
            if details.method == SLOW:
                self.begun.set()
                await self.go_on.wait()
            got = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
            return json.dumps({**got, "upstream": self.name, "seconds": context.time_remaining()}).encode()

        return grpc.unary_unary_rpc_method_handler(answer)


@contextlib.asynccontextmanager
async def serving(handler, port="0"):
    server, health = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)]), Health()
    health.set(serving=True)
    server.add_generic_rpc_handlers((health.handlers(), handler))
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    yield f"127.0.0.1:{port}"
    health.close()
    handler.go_on.set()
    await server.stop(0)


@pytest.fixture
async def registry():
    upstream = Upstream("registry")
    async with serving(upstream) as address:
        yield upstream, address


@pytest.fixture
async def edge(tmp_path, registry):
    """With one proxy in front of it that is trusted, so that a test is any client that it wants to be."""
    async with serving(Upstream("gateway")) as gateway, serving(Upstream("auth")) as auth:
        behind = {"registry": registry[1], "gateway": gateway, "auth": auth}
        settings = {"FP_EDGE_TRUSTED_HOPS": "1", "FP_EDGE_CORS_ORIGINS": ORIGIN, "FP_EDGE_PUBLIC_RATE": "2"}
        process = EdgeProcess(tmp_path, behind, **settings)
        await process.start()
        yield process
        await process.stop()


@pytest.fixture
async def channel(edge):
    async with grpc.aio.insecure_channel(edge.address) as channel:
        yield channel


@pytest.fixture
async def http(edge):
    async with httpx.AsyncClient(base_url=f"http://{edge.address}", timeout=PATIENCE, verify=NO_TLS) as http:
        yield http


async def call(channel, path, *metadata, timeout=PATIENCE):  # noqa: ASYNC109 -- the call's deadline
    return json.loads(await channel.unary_unary(path)(b"", metadata=metadata, timeout=timeout))


async def code_of(channel, path, *metadata):
    try:
        await call(channel, path, *metadata)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def test_a_service_learns_who_calls_and_that_the_edge_says_so(channel):
    forged = (("fp-client-address", "6.6.6.6"), ("fp-forwarded-by", "x"), ("fp-on-behalf-of-team", "beta"))
    own = (("fp-position", "7"), ("x-correlation-id", "mine"), ("idempotency-key", "k"))
    tuned = (("x-envoy-max-retries", "9"),)
    got = await call(channel, LIST, *BEARER, *forged, *own, *tuned, ("x-forwarded-for", "9.9.9.9, 203.0.113.7"))

    assert got["upstream"] == "registry"
    assert got["fp-client-address"] == "203.0.113.7"
    assert got["fp-forwarded-by"] == "the-proof-of-registry"
    assert (got["fp-position"], got["x-correlation-id"], got["idempotency-key"]) == ("7", "mine", "k")
    assert {name for name in got if name.startswith("fp-")} == {"fp-client-address", "fp-forwarded-by", "fp-position"}
    assert not [name for name in got if name.startswith("x-envoy")]


async def test_a_deadline_passes_as_it_came(channel):
    # gRPC rounds what is left up to seconds.
    assert 500 < (await call(channel, LIST, *BEARER, timeout=600))["seconds"] <= 601


async def test_a_large_body_of_a_caller_with_a_credential_passes(channel):
    body = bytes(16 * 1024 * 1024)

    assert (
        json.loads(await channel.unary_unary(LIST)(body, metadata=BEARER, timeout=PATIENCE))["upstream"] == "registry"
    )


async def test_what_only_services_may_call_is_refused_by_the_gateway(channel):
    assert (await call(channel, INTERNAL, *BEARER))["upstream"] == "gateway"


async def test_strangers_of_one_address_are_held_back_and_nobody_else(channel):
    stranger, other = ("x-forwarded-for", "203.0.113.7"), ("x-forwarded-for", "203.0.113.8")
    codes = [await code_of(channel, LOGIN, stranger) for _ in range(30)]

    assert codes[:8] == [grpc.StatusCode.OK] * 8
    assert grpc.StatusCode.RESOURCE_EXHAUSTED in codes
    assert await code_of(channel, LOGIN, other) is grpc.StatusCode.OK
    assert await code_of(channel, LIST, *BEARER, stranger) is grpc.StatusCode.OK


async def test_a_stranger_is_held_back_whichever_of_its_addresses_it_takes(channel):
    own = [("x-forwarded-for", f"2001:db8:1:2::{number:x}") for number in range(30)]
    codes = [await code_of(channel, LOGIN, address) for address in own]

    assert grpc.StatusCode.RESOURCE_EXHAUSTED in codes
    assert await code_of(channel, LOGIN, ("x-forwarded-for", "2001:db8:1:3::1")) is grpc.StatusCode.OK


async def test_a_service_that_is_away_is_named_without_its_address(channel, http):
    path = "/forgepoint.billing.v1.BillingService/GetUsage"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(channel, path, *BEARER)
    answer = await http.get("/api/v1/models", headers=dict(BEARER))

    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.UNAVAILABLE, "billing is not available")
    assert (answer.status_code, answer.json()["title"]) == (503, "gateway_http is not available")
    assert "127.0.0.1" not in answer.text


async def test_a_service_that_is_away_is_named_to_whoever_sends_much_as_well(channel):
    """A body of which a part came while the edge was about to try again."""
    path, body = "/forgepoint.billing.v1.BillingService/GetUsage", bytes(16 * 1024 * 1024)
    found = set()
    for _ in range(5):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(path)(body, metadata=BEARER, timeout=PATIENCE)
        found.add((caught.value.code(), caught.value.details()))

    assert found == {(grpc.StatusCode.UNAVAILABLE, "billing is not available")}


async def test_a_malformed_call_is_its_callers_fault(channel):
    path = LIST.replace("/List", "%2FList")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(channel, path, *BEARER)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == "the request is malformed"


async def test_a_page_may_call_only_when_it_is_named(http):
    def asked(origin):
        headers = {"origin": origin, "access-control-request-method": "POST"}
        return http.options("/api/v1/models", headers=headers)

    assert (await asked(ORIGIN)).headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-origin" not in (await asked("https://else.example")).headers


async def test_a_call_under_way_ends_before_the_edge_does(edge, channel, registry):
    upstream, _ = registry
    under_way = asyncio.ensure_future(call(channel, SLOW, *BEARER))
    await upstream.begun.wait()

    draining = asyncio.ensure_future(admin.drain(edge.folder, PATIENCE))
    while not await edge.figure("envoy_http_downstream_cx_drain_close") and not await edge.figure(
        "envoy_listener_manager_total_listeners_draining"
    ):
        await asyncio.sleep(0.05)
    assert not draining.done()
    upstream.go_on.set()

    assert (await under_way)["upstream"] == "registry"
    await draining
    await edge.stop()


async def test_each_replica_behind_one_address_gets_calls_and_none_is_broken_off(edge, channel, registry):
    """As behind a Service of Kubernetes, a connection is some replica's: the edge keeps none for long."""
    upstream, address = registry
    clusters = edge.folder / "clusters.json"
    often = clusters.with_suffix(".often")
    often.write_text(clusters.read_text().replace('"180s"', '"0.2s"'))
    often.replace(clusters)
    async with asyncio.timeout(PATIENCE):
        while not await edge.figure("envoy_cluster_upstream_cx_max_duration_reached"):
            await call(channel, LIST, *BEARER)
        under_way = asyncio.ensure_future(call(channel, SLOW, *BEARER))
        await upstream.begun.wait()
        async with serving(Upstream("another"), port=address.rpartition(":")[2]):
            found = set()
            while found != {"registry", "another"}:
                found.add((await call(channel, LIST, *BEARER))["upstream"])
            upstream.go_on.set()

            assert (await under_way)["upstream"] == "registry"


async def test_a_pod_drains_by_the_command_before_it_is_ended(edge):
    """The kubelet runs it before it sends the signal at which Envoy ends at once."""
    await edge.told("--drain", "0.1", str(PATIENCE))

    async with httpx.AsyncClient(timeout=PATIENCE, verify=NO_TLS) as http:
        assert not await edge.answers(http)


async def test_an_edge_that_is_gone_is_not_waited_for(tmp_path):
    await admin.drain(tmp_path, PATIENCE)


@pytest.mark.parametrize(
    ("verb", "path", "headers", "status"),
    [
        ("GET", "/api/v1/models", {}, 401),
        ("GET", "/nowhere", {}, 404),
        ("DELETE", "/api/v1/models", {}, 405),
        ("GET", "/api/v1%2fmodels", {}, 400),
        ("POST", LIST, {"content-type": "application/grpc-web+proto"}, 401),
        ("GET", "/api/v1/models", dict(BEARER), 503),
    ],
)
async def test_a_page_that_may_call_reads_why_it_was_refused(http, verb, path, headers, status):
    answer = await http.request(verb, path, headers={"origin": ORIGIN, **headers})

    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "x-request-id" in answer.headers["access-control-expose-headers"]
    other = await http.request(verb, path, headers={"origin": "https://else.example", **headers})
    assert "access-control-allow-origin" not in other.headers


async def test_its_refusals_are_counted_and_logged_and_told_to_nobody_else(edge, http):
    before = await edge.figure("envoy_http_downstream_rq_xx")
    answer = await http.get("/api/v1/models")

    assert answer.status_code == 401
    assert await edge.figure("envoy_http_downstream_rq_xx") > before
    async with asyncio.timeout(PATIENCE):
        while answer.headers["x-request-id"] not in edge.log:
            await asyncio.sleep(0.1)
    line = next(line for line in edge.log.splitlines() if answer.headers["x-request-id"] in line)
    assert (json.loads(line)["route"], json.loads(line)["status"]) == ("refused 401", 401)


@pytest.mark.parametrize(
    ("head", "status", "title"),
    [
        ("GET /api/v1/models HTTP/1.1", 400, "the request is malformed"),
        ("BREW /api/v1/models HTTP/1.1\r\nHost: x", 400, "the request is malformed"),
        ("CONNECT x:443 HTTP/1.1\r\nHost: x:443", 404, "no such route"),
        ("GET /nowhere HTTP/1.1\r\nHost: x", 404, "no such route"),
    ],
)
async def test_what_is_no_request_is_refused_with_a_title(edge, head, status, title):
    reader, writer = await asyncio.open_connection(*edge.address.split(":"))
    writer.write(f"{head}\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(PATIENCE):
        answer = await reader.read()
    writer.close()

    first, body = answer.split(b"\r\n", 1)[0], answer.partition(b"\r\n\r\n")[2]
    assert first.split()[1] == str(status).encode()
    assert title.encode() in body
