"""What HTTP requests go through before their route, and what strangers cannot make the gateway do."""

import asyncio
import json
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from fp_events import Broadcast
from fp_gateway.http.route_table import API
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE

# As in `named_origin`.
ORIGIN = "https://app.example.org"


@pytest_asyncio.fixture
async def http(edge):
    async with httpx.AsyncClient(base_url=edge.http, timeout=PATIENCE, verify=NO_TLS) as client:
        yield client


async def exchange(url, raw):
    """What the connection answers until it is closed, or until it says nothing more."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(raw)
    async with asyncio.timeout(PATIENCE):
        answer = await reader.read()
    writer.close()
    return answer


def half_sent(verb, path, headers=""):
    """A request whose body never comes."""
    head = f"{verb} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n"
    return f"{head}{headers}content-length: 16000000\r\n\r\n{{".encode()


WRITES = [route for route in API if route.takes_body]
PUBLIC = {"/password-reset", "/password-reset/complete", "/verify-email", "/invitations/accept", "/registration"}


@pytest.mark.parametrize("headers", ["", "authorization: Bearer nonsense\r\n", "authorization: Basic eDp5\r\n"])
async def test_a_stranger_is_refused_before_his_body_is_read_on_every_route(edge, headers):
    asked = [(route.verb, f"/api/v1{route.path}") for route in WRITES if route.path not in PUBLIC]
    asked += [("POST", path) for path in ("/v1/models/m/predict", "/v2/models/m/infer", "/api/v1/chat")]

    answers = await asyncio.gather(*(exchange(edge.http, half_sent(*each, headers)) for each in asked))

    wrong = [each for each, answer in zip(asked, answers, strict=True) if not answer.startswith(b"HTTP/1.1 401")]
    assert wrong == []


async def test_what_anybody_may_send_is_refused_unread_when_it_is_large(edge):
    paths = [f"/api/v1{path}" for path in (*sorted(PUBLIC), "/login")]
    answers = await asyncio.gather(*(exchange(edge.http, half_sent("POST", path)) for path in paths))

    assert {answer[:12] for answer in answers} == {b"HTTP/1.1 413"}


async def test_a_body_beyond_what_its_route_takes_is_413_for_somebody_known(edge, http):
    body = json.dumps({"name": "m", "description": "x" * 300_000})

    response = await http.post("/api/v1/models", content=body, headers=edge.headers())

    assert response.status_code == 413
    assert response.json()["metadata"]["limit_bytes"] == str(256 * 1024)


async def test_a_refused_stranger_is_in_the_audit_log(edge, http, bus):
    seen = asyncio.Queue()
    watcher = asyncio.ensure_future(bus.broadcast(Broadcast("watch", ("fp.audit.>",), deliver="all"), seen.put))
    try:
        await http.post("/api/v1/models", json={})
        async with asyncio.timeout(PATIENCE):
            payload = (await seen.get()).payload
    finally:
        watcher.cancel()

    assert (payload.method, payload.status) == (
        "/forgepoint.registry.v1.RegistryService/RegisterModel",
        "UNAUTHENTICATED",
    )
    assert payload.peer == "127.0.0.1"


@pytest.mark.parametrize("path", ["/api/v1/models/abc", "/api/v1/nothing", "/login", "/v2/health/live"])
async def test_every_answer_has_an_id_that_its_caller_can_quote(edge, http, path):
    own = await http.get(path, headers=edge.headers() | {"x-request-id": "mine-1"})
    given = await http.get(path, headers={"x-request-id": "no id: spaces"})

    assert own.headers.get_list("x-request-id") == ["mine-1"]
    assert len(given.headers["x-request-id"]) == 36


async def test_the_id_of_the_answer_is_the_one_that_services_log(edge, http):
    response = await http.get("/api/v1/models/abc", headers=edge.headers())

    assert edge.registry.calls[0].correlation_id == response.headers["x-request-id"]


async def test_a_trailing_slash_is_the_same_route_and_no_redirect(edge, http):
    response = await http.get("/api/v1/models/", headers=edge.headers() | {"host": "evil.example"})

    assert response.status_code == 200
    assert "location" not in response.headers


@pytest.mark.parametrize(
    ("verb", "path", "allow"),
    [
        ("OPTIONS", "/v2/health/ready", "GET, HEAD"),
        ("DELETE", "/api/v1/models", "GET, HEAD, POST"),
        ("POST", "/api/v1/pipelines/p", "DELETE, GET, HEAD, PATCH, PUT"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(http, verb, path, allow):
    response = await http.request(verb, path)

    assert (response.status_code, response.headers["allow"]) == (405, allow)


SMUGGLED = "GET /v2/health/live HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.mark.parametrize(
    "framing",
    [
        "content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "content-length: 2\r\ncontent-length: 4\r\n\r\n{}",
        "transfer-encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "transfer-encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "transfer-encoding : chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "content-length: +2\r\n\r\n{}",
        "content-length: 2, 4\r\n\r\n{}",
        "x: y\r\n transfer-encoding: chunked\r\ncontent-length: zwei\r\n\r\n{}",
    ],
)
async def test_a_request_of_two_lengths_is_refused_and_nothing_behind_it_is_read(edge, framing):
    head = "POST /api/v1/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"

    answer = await exchange(edge.http, (head + framing + SMUGGLED).encode())

    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 501"))
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b'"live"' not in answer


async def test_browsers_are_told_what_not_to_do_with_an_answer(edge, http):
    for response in (await http.get("/api/v1/models/abc", headers=edge.headers()), await http.get("/nothing")):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert response.headers["strict-transport-security"] == "max-age=31536000"
    assert "max-age=3600" in (await http.get("/login/style.css")).headers["cache-control"]


ASKS = {"origin": ORIGIN, "access-control-request-method": "GET", "access-control-request-headers": "authorization"}


async def test_no_script_of_another_origin_may_call(edge, http):
    response = await http.options("/api/v1/models", headers=ASKS)

    assert response.status_code == 405
    assert not [name for name in response.headers if name.startswith("access-control")]


async def test_scripts_of_a_named_origin_may_call_with_a_token_of_their_own(named_origin):
    async with httpx.AsyncClient(base_url=named_origin.http, timeout=PATIENCE, verify=NO_TLS) as client:
        asked = await client.options("/api/v1/models", headers=ASKS)
        other = await client.options("/api/v1/models", headers=ASKS | {"origin": "https://evil.example"})
        answer = await client.get("/api/v1/models/abc", headers=named_origin.headers() | {"origin": ORIGIN})

    assert asked.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-credentials" not in asked.headers
    assert "access-control-allow-origin" not in other.headers
    assert answer.headers["access-control-allow-origin"] == ORIGIN


async def test_requests_are_counted_by_their_route_and_not_by_what_they_say(edge, http):
    for path in ("/api/v1/models/abc", "/api/v1/models/xyz", "/secret-token-in-a-path"):
        await http.get(path, headers=edge.headers())
    await http.request("BREW", "/api/v1/models/abc")

    async with httpx.AsyncClient(timeout=PATIENCE, verify=NO_TLS) as client:
        text = (await client.get(f"{edge.probes}/metrics")).text

    counts = {line for line in text.splitlines() if line.startswith("fp_gateway_http_requests_total{")}
    assert 'fp_gateway_http_requests_total{code="200",method="GET",route="/api/v1/models/{id}"} 2.0' in counts
    assert 'fp_gateway_http_requests_total{code="404",method="GET",route="other"} 1.0' in counts
    assert 'fp_gateway_http_requests_total{code="405",method="other",route="/api/v1/models/{id}"} 1.0' in counts
    assert 'fp_gateway_http_duration_seconds_count{method="GET",route="/api/v1/models/{id}"} 2.0' in text
    assert "fp_gateway_http_in_flight 0.0" in text
    assert "secret-token" not in text


async def test_the_access_log_has_a_line_a_request_and_nothing_that_is_secret(edge, http, caplog):
    with caplog.at_level("INFO", "fp_gateway.access"):
        await http.get("/api/v1/models/abc?_=hidden-1", headers=edge.headers() | {"x-request-id": "mine-2"})

    (record,) = [record for record in caplog.records if record.name == "fp_gateway.access"]
    line = record.fp_fields
    assert (line["route"], line["method"], line["status"]) == ("/api/v1/models/{id}", "GET", 200)
    assert line["request_id"] == "mine-2"
    assert not [value for value in line.values() if "hidden" in str(value) or "127.0.0.1" in str(value)]
