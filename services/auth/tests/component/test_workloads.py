"""Tokens of workloads: an issuer that publishes its keys, and a platform that trusts some of what it signs."""

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from forgepoint.auth.v1 import auth_pb2, workloads_pb2, workloads_pb2_grpc
from fp_auth.sign_in_settings import WorkloadSettings
from fp_kernel import InvalidArgument, PermissionDenied, Unauthenticated, Unavailable
from fp_rpc import Channels
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import real_now

AUDIENCE = "forgepoint"
SUBJECT = "system:serviceaccount:vision:trainer"


class ForeignIssuer:
    """Publishes what `documents` says and counts what it is asked."""

    def __init__(self) -> None:
        issuer = self
        self.asked: list[str] = []
        self.documents: dict[str, object] = {}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked.append(self.path)
                found = issuer.documents.get(self.path)
                self.send_response(200 if found is not None else 404)
                self.end_headers()
                self.wfile.write(json.dumps(found or {}).encode())

            def log_message(self, *arguments):
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.documents["/.well-known/openid-configuration"] = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        self.keys: dict[str, object] = {}
        self.rotate("k1")

    def rotate(self, kid: str) -> None:
        self.keys[kid] = rsa.generate_private_key(65_537, 2_048)
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.keys[kid].public_key(), as_dict=True)
        self.documents["/keys"] = {"keys": [public | {"kid": kid, "use": "sig", "alg": "RS256"}]}

    def token(self, *, kid: str = "k1", key=None, algorithm: str = "RS256", **claims: object) -> str:
        now = real_now()
        said = {"iss": self.url, "aud": [AUDIENCE], "sub": SUBJECT, "iat": now, "exp": now + timedelta(hours=1)}
        return jwt.encode(said | claims, key or self.keys[kid], algorithm, headers={"kid": kid})

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def foreign():
    opened = ForeignIssuer()
    yield opened
    opened.stop()


@pytest_asyncio.fixture
async def exchange(start, foreign):
    """Exchanges a token at an auth that trusts the trainer of namespace vision."""
    trainer = {
        "name": "trainer",
        "issuer": foreign.url,
        "audience": AUDIENCE,
        "matches": {"sub": SUBJECT},
        "team": "vision",
        "scopes": ["models:read", "models:write"],
        "minutes": 10,
    }
    auth = await start(auth_workloads=(WorkloadSettings.model_validate(trainer),))
    channels = Channels(None)
    auth.stack.push_async_callback(channels.close)
    opened = channels.open(auth.address, timeout=PATIENCE, passing=(PermissionDenied, InvalidArgument))
    stub = workloads_pb2_grpc.WorkloadServiceStub(opened)

    async def exchanged(token: str, *scopes: str):
        return await stub.ExchangeWorkloadToken(
            workloads_pb2.ExchangeWorkloadTokenRequest(subject_token=token, scopes=scopes)
        )

    exchanged.auth = auth
    return exchanged


async def test_a_workload_gets_a_short_token_of_its_team_with_the_scopes_of_its_mapping(exchange, foreign):
    answer = await exchange(foreign.token())

    assert answer.expires_in.seconds == 600
    assert list(answer.scopes) == ["models:read", "models:write"]
    asked = await exchange.auth.caller(answer.access_token).GetCurrentUser(auth_pb2.GetCurrentUserRequest())
    claims = asked.claims
    assert (claims.user_id, claims.team, claims.role, claims.name) == (
        "workload:trainer",
        "vision",
        "workload",
        SUBJECT,
    )


async def test_a_workload_takes_fewer_scopes_and_never_more(exchange, foreign):
    narrow = await exchange(foreign.token(), "models:read")
    with pytest.raises(PermissionDenied) as refused:
        await exchange(foreign.token(), "billing:read")

    assert list(narrow.scopes) == ["models:read"]
    assert refused.value.reason == "SCOPE_NOT_GRANTED"


async def test_a_workload_makes_no_key_for_itself(exchange, foreign):
    answer = await exchange(foreign.token())

    with pytest.raises(PermissionDenied):
        await exchange.auth.caller(answer.access_token).CreateAPIKey(
            auth_pb2.CreateAPIKeyRequest(scopes=["models:read"])
        )


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": ["https://kubernetes.default.svc"]}, "AUDIENCE_WRONG"),
        ({"exp": 1_700_000_000}, "TOKEN_EXPIRED"),
        ({"iss": "https://elsewhere.example"}, "ISSUER_UNKNOWN"),
        ({"sub": ""}, "TOKEN_INVALID"),
    ],
)
async def test_a_token_that_proves_nothing_is_refused_with_a_reason(exchange, foreign, claims, reason):
    with pytest.raises(Unauthenticated) as refused:
        await exchange(foreign.token(**claims))

    assert refused.value.reason == reason


async def test_another_workload_of_the_same_issuer_is_refused(exchange, foreign):
    with pytest.raises(PermissionDenied) as refused:
        await exchange(foreign.token(sub="system:serviceaccount:speech:trainer"))
    assert refused.value.reason == "NO_RULE_FITS"


async def test_a_token_that_names_itself_is_exchanged_once(exchange, foreign):
    token = foreign.token(jti="7d9f")
    await exchange(token)

    with pytest.raises(Unauthenticated) as refused:
        await exchange(token)

    assert refused.value.reason == "TOKEN_REPLAYED"


async def test_signatures_of_other_keys_and_algorithms_are_refused(exchange, foreign):
    stranger = rsa.generate_private_key(65_537, 2_048)
    public = "what everybody may read, used as a secret"
    curve = ec.generate_private_key(ec.SECP256R1())
    forged = [
        ("SIGNATURE_WRONG", foreign.token(key=stranger)),
        ("KEY_UNKNOWN", foreign.token(key=stranger, kid="k9")),
        ("ALGORITHM_NOT_ALLOWED", foreign.token(key=public, algorithm="HS256")),
        ("ALGORITHM_NOT_ALLOWED", foreign.token(key=curve, algorithm="ES256")),
        ("ALGORITHM_NOT_ALLOWED", jwt.encode({"iss": foreign.url}, None, "none", headers={"kid": "k1"})),
    ]

    for reason, token in forged:
        with pytest.raises(Unauthenticated) as refused:
            await exchange(token)
        assert refused.value.reason == reason


async def test_an_issuer_that_names_another_host_for_its_keys_is_not_followed(exchange, foreign):
    elsewhere = "http://127.0.0.1:1/keys"
    foreign.documents["/.well-known/openid-configuration"] = {"issuer": foreign.url, "jwks_uri": elsewhere}

    with pytest.raises(Unavailable):
        await exchange(foreign.token())


async def test_an_issuer_that_calls_itself_otherwise_is_not_believed(exchange, foreign):
    foreign.documents["/.well-known/openid-configuration"] = {"issuer": "x", "jwks_uri": f"{foreign.url}/keys"}

    with pytest.raises(Unavailable):
        await exchange(foreign.token())
