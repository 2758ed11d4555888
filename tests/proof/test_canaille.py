"""Sign-in by a second real provider: Canaille, as a process in a virtual environment of its own."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from importlib import resources
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
import pytest_asyncio
from forgepoint.auth.v1 import sign_in_pb2, sign_in_pb2_grpc
from fp_auth.main import serve
from fp_auth.settings import AuthSettings
from fp_auth.sign_in_settings import IssuerSettings
from fp_kernel import PermissionDenied, Unauthenticated
from fp_rpc import Channels
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE
from fp_testkit.ports import free_port

HERE = Path(__file__).parent / "canaille"
ROOT = Path(__file__).parents[2]
PUBLIC = "http://127.0.0.1:8000"
SECRET = "the-secret-of-a-client"
_FORM = re.compile(r"<form.*?</form>", re.DOTALL)
_INPUT = re.compile(r"<(?:input|button)[^>]*>", re.DOTALL)
_STEPS = 8


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of an environment with Canaille, as `requirements.txt` pins it."""
    requirements = HERE / "requirements.txt"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]
    folder = ROOT / ".tmp" / f"canaille-{digest}"
    if not (folder / "installed").exists():
        uv = ROOT / ".uv" / "bin" / "uv"
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
        install = [uv, "pip", "install", "--quiet", "--require-hashes", "-r", requirements]
        subprocess.run([*install, "--python", folder / "bin" / "python"], check=True)
        (folder / "installed").touch()
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def canaille(python) -> Iterator[str]:
    """The issuer's URL."""
    port = free_port()
    arguments = [python, HERE / "provider.py", str(port), f"{PUBLIC}/login/sso/callback", SECRET]
    environment = {"PATH": os.environ["PATH"]}
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as process:
        assert process.stdout.readline() == b"ready\n"
        yield f"http://127.0.0.1:{port}"
        process.kill()


@pytest_asyncio.fixture
async def browser():
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE, verify=NO_TLS) as opened:
        yield opened


@pytest_asyncio.fixture
async def people(services, databases, nats_url, s3, canaille):
    """SignInService of an auth that knows Canaille."""
    corp = {
        "name": "corp",
        "title": "Canaille",
        "issuer": canaille,
        "client_id": "forgepoint",
        "client_secret": SECRET,
        "scopes": ["openid", "email", "profile", "groups"],
        "rules": [
            # No admin: the last one of a team keeps his role.
            {"claim": "groups", "value": "leads", "team": "vision", "role": "engineer"},
            {"claim": "groups", "value": "ml", "team": "vision", "role": "viewer"},
        ],
    }
    key = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="
    settings = AuthSettings(
        grpc_port=0,
        http_port=0,
        bind_host="127.0.0.1",
        env="dev",
        auth_issuer="http://auth.test",
        auth_public_url=PUBLIC,
        auth_bootstrap_password="a-river-and-9-lanterns",
        auth_issuers=(IssuerSettings.model_validate(corp),),
        auth_key_encryption_key=key,
        auth_audit_key=key,
        database_url=await databases.create(resources.files("fp_auth") / "migrations", service="auth"),
        nats_url=nats_url,
        s3_endpoint=s3.endpoint,
        s3_public_endpoint=s3.endpoint,
        s3_bucket=s3.name,
        s3_access_key=s3.access_key,
        s3_secret_key=s3.secret_key,
    )
    running = await services("auth", settings, serve)
    channels = Channels(None)
    opened = channels.open(running.grpc_address, timeout=PATIENCE, passing=(PermissionDenied,))
    yield sign_in_pb2_grpc.SignInServiceStub(opened)
    await channels.close()


async def begin(people):
    return await people.BeginSignIn(sign_in_pb2.BeginSignInRequest(name="corp"))


async def walk(browser, url: str) -> str:
    """What a person does at Canaille, to the address where it sends the browser back."""
    form = None
    for _ in range(_STEPS):
        response = await browser.request("POST" if form else "GET", url, data=form)
        form = None
        if response.is_redirect:
            url = urljoin(url, response.headers["location"])
            if url.startswith(PUBLIC):
                return url
            continue
        form = _filled(response.text)
    raise AssertionError(f"Canaille ended at {url}")


def _filled(page: str) -> dict[str, str]:
    found = next(each for each in _FORM.findall(page) if 'name="login"' in each or 'name="password"' in each)
    fields = {}
    for tag in _INPUT.findall(found):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and name[1] not in ("remember", "answer"):
            fields[name[1]] = unescape(value[1]) if value else ""
    typed = {"login": "ada", "password": "a-river-and-9-lanterns"}
    return fields | {name: text for name, text in typed.items() if name in fields}


async def complete(people, flow: str, answer: str, **changes: str):
    said = {name: values[0] for name, values in parse_qs(urlsplit(answer).query).items()}
    fields = {"state": said["state"], "code": said["code"], "issuer": said["iss"]} | changes
    return (await people.CompleteSignIn(sign_in_pb2.CompleteSignInRequest(flow=flow, **fields))).session


async def groups(browser, canaille: str, *names: str) -> None:
    browser.cookies.clear()
    (await browser.get(f"{canaille}/groups", params={"name": names})).raise_for_status()


async def test_the_whole_flow_and_what_a_group_gives_and_takes(people, browser, canaille):
    roles = []
    for given in (("leads", "ml"), ("ml",)):
        await groups(browser, canaille, *given)
        begun = await begin(people)
        session = await complete(people, begun.flow, await walk(browser, begun.authorization_url))
        roles.append((session.user.team, session.user.role, session.user.name))
    await groups(browser, canaille, "cooks")
    begun = await begin(people)
    answer = await walk(browser, begun.authorization_url)
    with pytest.raises(PermissionDenied) as unmapped:
        await complete(people, begun.flow, answer)

    assert roles == [("vision", "engineer", "Ada of Canaille"), ("vision", "viewer", "Ada of Canaille")]
    assert unmapped.value.reason == "NO_RULE_FITS"


async def test_a_wrong_state_and_a_code_that_was_used_are_refused(people, browser, canaille):
    await groups(browser, canaille, "ml")
    begun, other = await begin(people), await begin(people)
    answer = await walk(browser, begun.authorization_url)
    refused = []
    with pytest.raises(Unauthenticated) as state:
        await complete(people, other.flow, answer)
    refused.append(state.value.reason)
    await complete(people, begun.flow, answer)
    for flow in (begun, other):
        own = parse_qs(urlsplit(flow.authorization_url).query)["state"][0]
        with pytest.raises(Unauthenticated) as again:
            await complete(people, flow.flow, answer, state=own)
        refused.append(again.value.reason)

    assert refused == ["STATE_WRONG", "CODE_REPLAYED", "CODE_REFUSED"]
