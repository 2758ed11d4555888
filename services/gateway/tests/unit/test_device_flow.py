"""Device authorization over HTTP, over an auth that answers what a test says."""

import httpx
import pytest
from forgepoint.auth.v1 import sign_in_pb2 as pb
from fp_gateway.http import oauth
from fp_kernel import NotFound, Unauthenticated
from fp_testkit.patience import PATIENCE
from starlette.applications import Starlette

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Auth:
    """Remembers what it was asked; answers by the name of the RPC."""

    def __init__(self):
        self.asked = []
        self.answers = {}

    async def unary(self, path, message, _request):
        name = path.rpartition("/")[2]
        self.asked.append((name, message))
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer, {}


@pytest.fixture
def auth():
    return Auth()


@pytest.fixture
async def client(auth):
    app = Starlette(routes=oauth.routes(auth, issuer="http://auth.test", public_url="https://ml.example.com"))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=PATIENCE) as opened:
        yield opened


async def poll(client, code="secret"):
    return await client.post("/oauth/token", data={"grant_type": GRANT, "device_code": code})


async def test_a_device_gets_its_codes_in_the_words_of_the_standard(client, auth):
    answer = pb.BeginDeviceSignInResponse(
        device_code="secret",
        user_code="BCDF-GHJK",
        verification_url="https://ml.example.com/login/device",
        verification_url_complete="https://ml.example.com/login/device?user_code=BCDF-GHJK",
    )
    answer.expires_in.seconds, answer.interval.seconds = 600, 2
    auth.answers["BeginDeviceSignIn"] = answer

    got = await client.post("/oauth/device_authorization", data={"client_id": "notebook on host-7"})

    assert (got.status_code, got.headers["cache-control"]) == (200, "no-store")
    assert got.json() == {
        "device_code": "secret",
        "user_code": "BCDF-GHJK",
        "verification_uri": "https://ml.example.com/login/device",
        "verification_uri_complete": "https://ml.example.com/login/device?user_code=BCDF-GHJK",
        "expires_in": 600,
        "interval": 2,
    }
    assert auth.asked == [("BeginDeviceSignIn", pb.BeginDeviceSignInRequest(program="notebook on host-7"))]


async def test_a_device_without_a_name_is_refused(client, auth):
    got = await client.post("/oauth/device_authorization", data={"client_id": ""})
    assert (got.status_code, got.json()["error"], auth.asked) == (400, "invalid_request", [])


async def test_a_device_waits_until_somebody_decides_and_asks_for_nothing_that_is_audited(client, auth):
    auth.answers["PollDeviceSignIn"] = pb.PollDeviceSignInResponse(state=pb.DEVICE_SIGN_IN_STATE_PENDING)

    got = await poll(client)

    assert (got.status_code, got.json()["error"]) == (400, "authorization_pending")
    assert [name for name, _ in auth.asked] == ["PollDeviceSignIn"]


async def test_a_device_that_was_allowed_gets_its_tokens(client, auth):
    auth.answers["PollDeviceSignIn"] = pb.PollDeviceSignInResponse(state=pb.DEVICE_SIGN_IN_STATE_ALLOWED)
    redeemed = pb.RedeemDeviceSignInResponse()
    redeemed.session.access_token, redeemed.session.refresh_token = "access", "refresh"
    auth.answers["RedeemDeviceSignIn"] = redeemed

    got = await poll(client)

    assert got.json() == {"access_token": "access", "token_type": "Bearer", "refresh_token": "refresh"}


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (Unauthenticated("refused in the browser", reason="SIGN_IN_DENIED"), "access_denied"),
        (NotFound("no such sign-in", reason="SIGN_IN_NOT_FOUND"), "expired_token"),
    ],
)
async def test_what_ended_is_named_by_the_standard_too(client, auth, failure, error):
    auth.answers["PollDeviceSignIn"] = pb.PollDeviceSignInResponse(state=pb.DEVICE_SIGN_IN_STATE_DENIED)
    auth.answers["RedeemDeviceSignIn"] = failure

    got = await poll(client)

    assert (got.status_code, got.json()["error"]) == (400, error)


async def test_the_document_of_the_issuer_names_the_endpoint_and_the_grant(client):
    document = (await client.get("/.well-known/openid-configuration")).json()
    assert document["device_authorization_endpoint"] == "https://ml.example.com/oauth/device_authorization"
    assert GRANT in document["grant_types_supported"]
