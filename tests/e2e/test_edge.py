"""What the edge does before, beside and after the services."""

import json
import socket
import stat
from urllib.parse import urlsplit

import grpc
import httpx
import pytest
from forgepoint.auth.v1 import auth_pb2
from forgepoint.registry.v1 import registry_pb2
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE
from grpc_health.v1 import health_pb2

LIST = "/forgepoint.registry.v1.RegistryService/ListModels"
LOGIN_HEAD = "POST /api/v1/login HTTP/1.1\r\nHost: x\r\n"
LOGIN = "/forgepoint.auth.v1.AuthService/Login"


@pytest.fixture
def http(platform):
    with httpx.Client(base_url=platform.http, timeout=PATIENCE, verify=NO_TLS) as client:
        yield client


@pytest.fixture
def channel(platform):
    with grpc.insecure_channel(platform.access.address) as channel:
        yield channel


def raw(platform, *parts):
    """What comes back for these bytes on a connection of their own, until the edge closes it or has nothing to say."""
    parsed = urlsplit(platform.http)
    with socket.create_connection((parsed.hostname, parsed.port), timeout=PATIENCE) as connection:
        for part in parts:
            connection.sendall(part)
        answer = b""
        while b"\r\n\r\n" not in answer and (more := connection.recv(65_536)):
            answer += more
        closed = b"connection: close" in answer.lower() and _is_closed(connection)
    return answer.decode(), closed


def _is_closed(connection):
    try:
        while connection.recv(65_536):
            pass
    except ConnectionResetError:  # by what was sent and not read
        pass
    return True


def frame(message):
    data = message.SerializeToString()
    return b"\0" + len(data).to_bytes(4, "big") + data


def call(channel, path, request=b"", *metadata):
    """A call of a method by its path, as bytes; answers its error, or None."""
    try:
        channel.unary_unary(path)(request, metadata=metadata, timeout=PATIENCE)
    except grpc.RpcError as error:
        return error
    return None


@pytest.mark.parametrize("authorization", ["", "Authorization: Basic eDp5\r\n", "Authorization: Bearer\r\n"])
@pytest.mark.parametrize("path", ["/api/v1/models", "/v1/models/m/predict", "/v2/models/m/infer"])
def test_a_half_sent_body_without_a_credential_is_refused_and_its_connection_closed(platform, path, authorization):
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{authorization}Content-Length: 16000000\r\n\r\n".encode()
    answer, closed = raw(platform, head, b"x" * 100)

    assert answer.startswith("HTTP/1.1 401 ")
    assert "www-authenticate: Bearer" in answer
    assert closed


@pytest.mark.parametrize(
    "head",
    [
        f"{LOGIN_HEAD}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n",
        f"{LOGIN_HEAD}Content-Length: 4\r\nContent-Length: 5\r\n\r\n{{}}{{}}",
        f"{LOGIN_HEAD}Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
        f"{LOGIN_HEAD}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "GET /v2/health%2flive HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /v2/health/live HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n",
    ],
)
def test_what_two_readers_could_understand_differently_is_refused(platform, head):
    answer, _ = raw(platform, head.encode())

    assert answer.split()[1] in {"400", "501"}


def test_paths_are_made_one_form_before_they_are_routed(http):
    assert http.get("/v2//health/./live").json() == {"live": True}
    assert http.get("/v2/health/x/../live").json() == {"live": True}


def test_a_trailing_slash_is_no_reason_to_go_anywhere(http, admin_token):
    headers = {"authorization": f"Bearer {admin_token}", "host": "models.example.com", "x-forwarded-proto": "https"}
    answer = http.get("/api/v1/models/", headers=headers)

    assert (answer.status_code, answer.headers.get("location")) == (404, None)


@pytest.mark.parametrize(
    ("verb", "path", "allow"),
    [
        ("OPTIONS", "/v2/health/ready", "GET, HEAD"),
        ("DELETE", "/api/v1/models", "GET, HEAD, POST"),
        ("GET", LIST, "POST"),
    ],
)
def test_a_method_that_a_path_does_not_take_is_refused_with_those_that_it_takes(http, verb, path, allow):
    answer = http.request(verb, path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allow)


def test_every_answer_has_an_id_and_says_how_browsers_treat_it(http, admin_token):
    bearer = {"authorization": f"Bearer {admin_token}", "x-request-id": "mine"}
    answers = [
        http.get("/api/v1/models", headers=bearer),
        http.get("/api/v1/models"),
        http.get("/nowhere", headers=bearer),
    ]

    assert [answer.status_code for answer in answers] == [200, 401, 404]
    assert len({answer.headers["x-request-id"] for answer in answers} | {"mine"}) == 4
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "content-security-policy" in answer.headers
        assert answer.headers["server"] == "forgepoint"


def test_its_refusals_are_problems(http):
    answer = http.get("/api/v1/models")

    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["error"] == {"code": 401, "message": "a bearer credential is required"}


@pytest.mark.parametrize(
    ("path", "metadata", "code"),
    [
        (LIST, (), grpc.StatusCode.UNAUTHENTICATED),
        (LIST, (("authorization", "Basic eDp5"),), grpc.StatusCode.UNAUTHENTICATED),
        (
            "/forgepoint.registry.v1.RegistryService/Nothing",
            (("authorization", "Bearer x"),),
            grpc.StatusCode.UNIMPLEMENTED,
        ),
        ("/else.Service/Method", (("authorization", "Bearer x"),), grpc.StatusCode.UNIMPLEMENTED),
        ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", (), grpc.StatusCode.UNIMPLEMENTED),
    ],
)
def test_its_refusals_are_statuses_without_details(channel, path, metadata, code):
    error = call(channel, path, b"", *metadata)

    assert error.code() is code
    assert "grpc-status-details-bin" not in dict(error.trailing_metadata() or ())


def test_a_large_body_of_a_public_call_reaches_no_service(channel, http):
    request = auth_pb2.LoginRequest(email="a@b.test", password="x" * 70_000).SerializeToString()

    assert call(channel, LOGIN, request).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert http.post("/api/v1/login", content=b"{" + b" " * 70_000 + b"}").status_code == 413


def test_a_body_that_says_it_is_too_large_is_refused_unread(platform, admin_token):
    head = f"POST /api/v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {admin_token}\r\n"
    answer, _ = raw(platform, f"{head}Content-Length: 18000000\r\n\r\n".encode())

    assert answer.startswith("HTTP/1.1 413 ")


async def test_what_only_the_platform_says_is_removed(admin, platform, admin_token):
    """A service that saw it would refuse: only services act on behalf of others."""
    async with grpc.aio.insecure_channel(platform.access.address) as channel:
        answer = await channel.unary_unary(LIST)(
            b"",
            metadata=(("authorization", f"Bearer {admin_token}"), ("fp-on-behalf-of-team", "else")),
            timeout=PATIENCE,
        )
    assert registry_pb2.ListModelsResponse.FromString(answer)


def test_grpc_web_speaks_to_the_services_too(http, admin_token):
    answer = http.post(
        LIST,
        content=frame(registry_pb2.ListModelsRequest()),
        headers={
            "content-type": "application/grpc-web+proto",
            "x-grpc-web": "1",
            "authorization": f"Bearer {admin_token}",
        },
    )
    refused = http.post(LIST, content=b"", headers={"content-type": "application/grpc-web+proto"})

    assert answer.status_code == 200
    assert b"grpc-status:0" in answer.content.replace(b" ", b"")
    assert "16" in (refused.headers.get("grpc-status", ""), refused.text.partition("grpc-status:")[2][:2].strip())


def test_health_answers_there(channel):
    check = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        health_pb2.HealthCheckRequest.SerializeToString,
        health_pb2.HealthCheckResponse.FromString,
    )

    assert check(health_pb2.HealthCheckRequest(), timeout=PATIENCE).status == health_pb2.HealthCheckResponse.SERVING


def test_no_page_of_another_site_may_call(http):
    asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    answer = http.options("/api/v1/models", headers=asked)

    assert "access-control-allow-origin" not in answer.headers


def test_its_files_and_its_admin_are_its_owners_alone(platform):
    folder = platform.folder / "edge"

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_its_log_names_routes_and_no_paths(http, platform):
    http.get("/api/v1/models/a-name-of-somebody?token=a-secret-of-somebody")
    text = (platform.folder / "logs" / "edge.log").read_text()

    assert "somebody" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert {"refused 401"} <= {line.get("route") for line in lines}
