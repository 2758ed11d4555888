"""A service with certificates: what answers by TLS, and what stays open to probes."""

import asyncio
import http.client
import ssl

import grpc
import pytest
from fp_rpc import HttpJwks, JwtResolver, Server, StaticJwks
from fp_rpc.tls.certificates import Certificates as Files
from fp_runtime import Runtime, ServiceSettings, StartFailed, run
from fp_testkit.certificates import Certificates
from fp_testkit.identity import TestIdentity
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import machine_seconds
from grpc_health.v1 import health_pb2, health_pb2_grpc
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

END = "fp_auth_certificate_end_timestamp_seconds"
PATH = "/.well-known/jwks.json"


class Settings(ServiceSettings):
    """The common settings."""


@pytest.fixture
def issued(tmp_path):
    return Certificates(tmp_path)


def settings(**more):
    return Settings(
        auth_issuer="https://auth:8443",
        service_secret="s" * 32,
        bind_host="127.0.0.1",
        grpc_port=0,
        http_port=0,
        https_port=0,
        **more,
    )


def named(files):
    return {"tls_cert_file": files.certificate, "tls_key_file": files.key, "tls_ca_file": files.authority}


async def hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


@pytest.fixture
async def auth(services, issued):
    """auth, as far as its keys go, and a second application."""
    opened = []

    async def keys(_request: Request) -> Response:
        return JSONResponse(TestIdentity().jwks)

    async def serve(runtime: Runtime, settings: Settings) -> None:
        runtime.route(PATH, keys)
        opened.append(runtime.listen("FP_OTHER_PORT", Starlette(routes=[Route("/", hello)]), 0))
        resolver = JwtResolver(settings.auth_issuer, StaticJwks({"keys": []}))
        await runtime.serve(Server("auth", resolver=resolver, metrics=runtime.metrics))

    service = await services("auth", settings(**named(issued.of("auth", hosts=()))), serve)
    service.runtime.second = opened[0].port
    return service


@pytest.fixture
def get():
    async def one(port, path, context=None, name=""):
        return await asyncio.to_thread(_get, port, path, context, name)

    return one


def _get(port, path, context, name):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.connect()
        if context is not None:
            connection.sock = context.wrap_socket(connection.sock, server_hostname=name)
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


async def test_the_keys_of_auth_are_fetched_by_tls_and_only_from_auth(auth, issued):
    url = f"https://127.0.0.1:{auth.runtime.https_port}{PATH}"
    files = issued.of("billing")
    jwks = HttpJwks(url, certificates=Files(files.certificate, files.key, files.authority))
    assert await jwks.key("test-key") is not None
    await jwks.close()


async def test_keys_of_another_service_are_refused(services, issued):
    async def serve(runtime: Runtime, _settings: Settings) -> None:
        async def keys(_request: Request) -> Response:
            return JSONResponse(TestIdentity().jwks)

        runtime.route(PATH, keys)
        await runtime.serve(None)

    impostor = await services("notification", settings(**named(issued.of("notification"))), serve)
    files = issued.of("billing")
    url = f"https://127.0.0.1:{impostor.runtime.https_port}{PATH}"
    jwks = HttpJwks(url, certificates=Files(files.certificate, files.key, files.authority))
    with pytest.raises(Exception, match="not loaded yet"):
        await jwks.load()
    await jwks.close()


async def test_probes_need_no_certificate_and_find_no_keys(auth, get):
    assert (await get(auth.runtime.http_port, "/livez"))[0] == 200
    assert (await get(auth.runtime.http_port, PATH))[0] == 404


async def test_its_metrics_say_when_the_certificate_ends(auth, issued, get):
    def ends(text):
        return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(END))

    auth.runtime.certificates._interval = 0.0
    _, before = await get(auth.runtime.http_port, "/metrics")
    issued.expired("auth")
    _, after = await get(auth.runtime.http_port, "/metrics")
    assert ends(after) < machine_seconds() < ends(before)


async def test_the_https_listeners_give_the_renewed_certificate(auth, issued, get):
    context = ssl.create_default_context(cafile=str(issued.authority))
    assert await get(auth.runtime.second, "/", context, "auth") == (200, "hello")
    auth.runtime.certificates._interval = 0.0
    other = Certificates(issued.authority.parent / "other")
    there, here = other.of("auth"), issued.of("auth")
    for name in ("certificate", "key", "authority"):
        getattr(there, name).replace(getattr(here, name))
    with pytest.raises(ssl.SSLCertVerificationError):
        await get(auth.runtime.second, "/", context, "auth")
    renewed = ssl.create_default_context(cafile=str(other.authority))
    assert await get(auth.runtime.second, "/", renewed, "auth") == (200, "hello")


async def test_the_https_listeners_go_on_with_what_they_have_while_a_file_is_away(auth, issued, get):
    context = ssl.create_default_context(cafile=str(issued.authority))
    auth.runtime.certificates._interval = 0.0
    files = issued.of("auth")
    auth.runtime.certificates.material()
    files.certificate.unlink()
    assert await get(auth.runtime.second, "/", context, "auth") == (200, "hello")


async def test_its_rpcs_answer_only_by_tls(auth, issued):
    files = issued.of("billing")
    credentials = grpc.ssl_channel_credentials(
        files.authority.read_bytes(), files.key.read_bytes(), files.certificate.read_bytes()
    )
    named = [("grpc.ssl_target_name_override", "auth")]
    async with grpc.aio.secure_channel(auth.grpc_address, credentials, options=named) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    async with grpc.aio.insecure_channel(auth.grpc_address) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE)


@pytest.mark.parametrize("missing", ["tls_cert_file", "tls_key_file", "tls_ca_file"])
async def test_a_part_of_the_settings_is_never_clear_text(issued, missing):
    given = {name: value for name, value in named(issued.of("auth")).items() if name != missing}
    with pytest.raises(StartFailed, match=f"FP_{missing.upper()} must be set"):
        await run("auth", settings(**given), _never)


async def test_files_that_cannot_be_used_are_named(issued, tmp_path):
    given = named(issued.of("auth")) | {"tls_ca_file": tmp_path / "absent.crt"}
    with pytest.raises(StartFailed, match=r"absent\.crt cannot be read"):
        await run("auth", settings(**given), _never)


async def _never(_runtime: Runtime, _settings: Settings) -> None:
    raise AssertionError("it must not start")
