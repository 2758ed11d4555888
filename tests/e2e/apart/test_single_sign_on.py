"""Sign-in by a real provider through the gateway: in the browser, and of `fp` by way of the browser."""

import asyncio
import base64
import re
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from urllib.parse import parse_qs, urlsplit

import grpc
import httpx
import pytest
import pytest_asyncio
from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from fp_auth.main import serve as serve_auth
from fp_auth.settings import AuthSettings
from fp_auth.sign_in_settings import IssuerSettings
from fp_cli import browser_login
from fp_cli.client import Client
from fp_cli.context import Context
from fp_cli.formats import parse
from fp_cli.output import State
from fp_cli.transport import chosen
from fp_gateway.main import serve as serve_gateway
from fp_gateway.settings import GatewaySettings
from fp_kernel import Unauthenticated
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE
from fp_testkit.ports import free_port
from fp_testkit.services import RunningService
from pydantic import SecretStr

SECRET = "of-the-gateway-here"
PUBLIC = "http://127.0.0.1:8000"
FORM = re.compile(r'name="form_token" value="([^"]+)"')


@dataclass
class Edge:
    """http: of the gateway, which the provider and auth know as PUBLIC."""

    auth: RunningService
    gateway: RunningService
    http: str
    issuer: str

    def here(self, url: str) -> str:
        assert url.startswith(PUBLIC)
        return self.http + url.removeprefix(PUBLIC)


def corp(provider) -> IssuerSettings:
    """The provider as an operator declares it."""
    return IssuerSettings.model_validate(
        {
            "name": "corp",
            "title": "Example Corp",
            "issuer": provider.url,
            "client_id": provider.client_id,
            "client_secret": provider.client_secret,
            "scopes": ["openid", "email", "profile", "groups"],
            "rules": [{"claim": "groups", "value": "ml", "team": "vision", "role": "engineer"}],
        }
    )


@pytest_asyncio.fixture
async def edge(services, databases, nats_url, s3, sign_in_provider) -> Edge:
    # The gateway fetches the keys of tokens there.
    keys = free_port()
    common = {
        "grpc_port": 0,
        "bind_host": "127.0.0.1",
        "env": "dev",
        "auth_issuer": f"http://127.0.0.1:{keys}",
        "nats_url": nats_url,
        "auth_public_url": PUBLIC,
    }
    key = base64.b64encode(b"k" * 32).decode()
    auth = AuthSettings(
        **common,
        http_port=keys,
        database_url=await databases.create(resources.files("fp_auth") / "migrations", service="auth"),
        auth_key_encryption_key=key,
        auth_audit_key=key,
        auth_service_credentials=f"gateway={sha256(SECRET.encode()).hexdigest()}",
        auth_bootstrap_password=SecretStr("a-river-and-9-lanterns"),
        auth_issuers=(corp(sign_in_provider),),
        s3_endpoint=s3.endpoint,
        s3_public_endpoint=s3.endpoint,
        s3_bucket=s3.name,
        s3_access_key=s3.access_key,
        s3_secret_key=s3.secret_key,
    )
    running = await services("auth", auth, serve_auth)
    port, address = free_port(), running.grpc_address
    addresses = {f"{noun}_addr": address for noun in ("auth", "registry", "inference", "pipeline")}
    gateway = GatewaySettings(**common, **addresses, http_port=0, gateway_http_port=port, service_secret=SECRET)
    front = await services("gateway", gateway, serve_gateway)
    return Edge(running, front, f"http://127.0.0.1:{port}", common["auth_issuer"])


@pytest_asyncio.fixture
async def browser():
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE, verify=NO_TLS) as opened:
        yield opened


@pytest_asyncio.fixture
async def ada(sign_in_provider, browser, edge):
    """A browser, and what a person does in it: signs in by the provider, from this page on; the page after that."""
    claims = {"groups": ["ml"], "name": "Ada", "email": "ada@corp.example", "email_verified": True}
    await sign_in_provider.account(browser, "ada-of-e2e", **claims)

    async def sign_in(page: str) -> httpx.Response:
        link = re.search(r'href="(/login/sso/corp[^"]*)"', (await browser.get(edge.http + page)).text)[1]
        begun = await browser.get(edge.http + link)
        answer = await sign_in_provider.sign_in(browser, begun.headers["location"], "ada-of-e2e")
        completed = await browser.get(edge.here(answer))
        assert completed.status_code == 303, completed.text
        return await browser.get(edge.http + completed.headers["location"])

    return sign_in


@pytest.fixture
def fp(edge):
    """What `fp` does, in a thread of its own."""

    def call(function, **arguments):
        def work():
            state = State(edge.gateway.grpc_address, parse("json"), PATIENCE)
            transport = chosen(state, Context())
            with transport.channel(()) as channel:
                return function(Client(channel, state, Context(), transport), **arguments)

        return asyncio.to_thread(work)

    return call


async def identity(edge: Edge, token: str) -> auth_pb2.TokenClaims:
    async with grpc.aio.insecure_channel(edge.gateway.grpc_address) as channel:
        stub = auth_pb2_grpc.AuthServiceStub(channel)
        metadata = (("authorization", f"Bearer {token}"),)
        return (await stub.GetCurrentUser(auth_pb2.GetCurrentUserRequest(), metadata=metadata)).claims


async def test_a_person_signs_in_by_the_provider_and_the_api_knows_him(edge, ada, browser):
    done = await ada("/login")

    assert "ada@corp.example, engineer of team vision" in done.text
    csrf = {"x-csrf-token": browser.cookies["fp_csrf"]}
    refreshed = (await browser.post(f"{edge.http}/api/v1/refresh", headers=csrf)).json()
    assert (refreshed["user"]["team"], refreshed["user"]["role"]) == ("vision", "engineer")


async def test_fp_signs_in_by_a_browser_beside_it(edge, ada, browser, fp, monkeypatch):
    opened = asyncio.get_running_loop().create_future()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr("webbrowser.open", lambda url: loop.call_soon_threadsafe(opened.set_result, url))
    login = asyncio.ensure_future(fp(browser_login.by_loopback, open_browser=True))

    asked = await browser.get(edge.here(await opened))
    page = await ada(asked.headers["location"])
    form = {"form_token": FORM.search(page.text)[1], "allow": "yes"}
    form["request"] = re.search(r'name="request" value="([^"]+)"', page.text)[1]
    allowed = await browser.post(f"{edge.http}/login/program", data=form)
    stranger = await browser.get(allowed.headers["location"].replace("state=", "state=x"))
    assert stranger.status_code == 404
    assert (await browser.get(allowed.headers["location"])).status_code == 200

    session = await login
    assert (await identity(edge, session.access_token)).email == "ada@corp.example"


async def test_fp_is_told_when_the_person_refuses(edge, ada, browser, fp, monkeypatch):
    loop = asyncio.get_running_loop()
    opened = loop.create_future()
    monkeypatch.setattr("webbrowser.open", lambda url: loop.call_soon_threadsafe(opened.set_result, url))
    login = asyncio.ensure_future(fp(browser_login.by_loopback, open_browser=True))

    asked = await browser.get(edge.here(await opened))
    page = await ada(asked.headers["location"])
    form = {"form_token": FORM.search(page.text)[1], "allow": "no"}
    form["request"] = re.search(r'name="request" value="([^"]+)"', page.text)[1]
    refused = await browser.post(f"{edge.http}/login/program", data=form)
    await browser.get(refused.headers["location"])

    with pytest.raises(Unauthenticated):
        await login


async def test_fp_signs_in_by_a_code_that_a_person_allows_elsewhere(edge, ada, browser, fp, monkeypatch):
    said: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(browser_login, "_say", lambda text: loop.call_soon_threadsafe(said.put_nowait, text))
    login = asyncio.ensure_future(fp(browser_login.by_code))

    await said.get()
    url = (await said.get()).split()[-1]
    code = parse_qs(urlsplit(url).query)["user_code"][0]
    asked = await browser.get(edge.here(url))
    page = await ada(asked.headers["location"])
    assert code in page.text
    form = {"form_token": FORM.search(page.text)[1], "user_code": code, "allow": "yes"}
    assert (await browser.post(f"{edge.http}/login/device", data=form)).status_code == 200

    session = await login
    assert (await identity(edge, session.access_token)).role == "engineer"
    again = await browser.post(f"{edge.http}/login/device", data=form)
    assert again.status_code == 404


async def test_the_platform_publishes_what_it_signs_with(edge, browser):
    metadata = (await browser.get(f"{edge.http}/.well-known/openid-configuration")).json()
    keys = (await browser.get(edge.here(metadata["jwks_uri"]))).json()

    assert metadata["issuer"] == edge.issuer
    assert {key["alg"] for key in keys["keys"]} == {"RS256"}


async def test_a_token_that_no_mapping_knows_is_refused_in_the_words_of_the_standard(edge, browser):
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": "a.b.c",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    }
    refused = await browser.post(f"{edge.http}/oauth/token", data=form)
    other = await browser.post(f"{edge.http}/oauth/token", data=form | {"grant_type": "password"})

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert refused.json()["reason"] == "ISSUER_UNKNOWN"
    assert other.json()["error"] == "unsupported_grant_type"
