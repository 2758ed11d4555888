import json

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fp_auth.adapters.oidc.http import IssuerHttp, RefusedByIssuer, is_safe
from fp_auth.adapters.oidc.issuer import Issuer
from fp_kernel import Unauthenticated, Unavailable
from fp_testkit.patience import PATIENCE

URL = "https://id.example"


class Documents:
    """In place of the network: what the issuer publishes, and how often it was asked for its keys."""

    def __init__(self) -> None:
        self.keys: list[dict[str, object]] = []
        self.fetches = 0
        self.away = False

    async def get(self, url, headers=None):
        if self.away:
            raise Unavailable("away")
        if url.endswith("openid-configuration"):
            return {"issuer": URL, "jwks_uri": f"{URL}/keys"}
        self.fetches += 1
        return {"keys": self.keys}

    def check(self, url):
        return url

    async def close(self):
        """Nothing."""


@pytest.fixture
def documents() -> Documents:
    return Documents()


@pytest.fixture
async def issuer(documents, clock):
    opened = Issuer(URL, documents, clock)
    yield opened
    await opened.close()


def published(documents: Documents, kid: str, **facts: object) -> rsa.RSAPrivateKey:
    key = rsa.generate_private_key(65_537, 2_048)
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    documents.keys.append(jwk | {"kid": kid, "use": "sig"} | facts)
    return key


def token(key: rsa.RSAPrivateKey, kid: str) -> str:
    return jwt.encode({"sub": "ada"}, key, "RS256", headers={"kid": kid})


async def test_a_new_key_of_the_issuer_is_found_when_its_first_token_comes(documents, issuer, clock):
    first = published(documents, "k1")
    await issuer.claims(token(first, "k1"))
    clock.advance(60)
    second = published(documents, "k2")

    assert (await issuer.claims(token(second, "k2")))["sub"] == "ada"


async def test_made_up_key_ids_cost_the_issuer_one_request_in_five_seconds(documents, issuer, clock):
    first = published(documents, "k1")
    await issuer.claims(token(first, "k1"))
    clock.advance(60)

    for number in range(20):
        with pytest.raises(Unauthenticated):
            await issuer.claims(token(first, f"made-up-{number}"))

    assert documents.fetches == 2


async def test_keys_are_good_for_a_day_while_the_issuer_is_away(documents, issuer, clock):
    first = published(documents, "k1")
    await issuer.claims(token(first, "k1"))
    documents.away = True

    clock.advance(20 * 3_600)
    assert (await issuer.claims(token(first, "k1")))["sub"] == "ada"
    clock.advance(5 * 3_600)
    with pytest.raises(Unavailable):
        await issuer.claims(token(first, "k1"))


@pytest.mark.parametrize("facts", [{"use": "enc"}, {"alg": "RS384"}, {"alg": "HS256"}, {"kty": "oct"}])
async def test_a_key_that_is_meant_for_something_else_verifies_nothing(documents, issuer, facts):
    key = published(documents, "k1", **facts)
    with pytest.raises(Unauthenticated):
        await issuer.claims(token(key, "k1"))


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://id.example/a", True),
        ("http://127.0.0.1:8080", True),
        ("http://id.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("ftp://127.0.0.1", False),
        ("https://", False),
    ],
)
def test_only_https_and_the_loopback_are_asked(url, safe):
    assert is_safe(url) is safe


class Answering(IssuerHttp):
    """Over a transport that answers as told."""

    def __init__(self, answer) -> None:
        super().__init__(URL)
        self._client = httpx.AsyncClient(transport=httpx.MockTransport(answer), timeout=PATIENCE)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(302, headers={"location": "https://elsewhere.example"}),
        httpx.Response(500),
        httpx.Response(200, content=b"[]"),
        httpx.Response(200, content=json.dumps({"keys": "x" * 300_000}).encode()),
    ],
)
async def test_redirects_failures_and_answers_that_are_too_large_count_as_away(answer):
    http = Answering(lambda _: answer)
    with pytest.raises(Unavailable):
        await http.get(f"{URL}/keys")
    await http.close()


async def test_what_an_issuer_refuses_is_told_apart():
    http = Answering(lambda _: httpx.Response(400, json={"error": "invalid_grant"}))
    with pytest.raises(RefusedByIssuer) as refused:
        await http.post(f"{URL}/token", {}, None)
    assert refused.value.code == "invalid_grant"
    await http.close()


async def test_another_host_is_never_asked():
    http = Answering(lambda _: httpx.Response(200, json={}))
    with pytest.raises(Unavailable):
        await http.get("https://elsewhere.example/keys")
    await http.close()
