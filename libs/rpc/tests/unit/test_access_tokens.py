"""Which tokens are worth something."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fp_kernel import Unauthenticated, Unavailable
from fp_rpc import CredentialResolver, JwtResolver, StaticJwks, Withdrawals
from fp_rpc.identity.caller import ADDRESS_AUDIENCE, AUDIENCE
from fp_testkit.wallclock import MOMENT, real_now
from hypothesis import given
from hypothesis import strategies as st

ISSUER = "http://auth.test"


class Counting(StaticJwks):
    asked = 0

    async def key(self, kid):
        self.asked += 1
        return await super().key(kid)

    def withdraw(self):
        self._keys = {}


class Time:
    def __init__(self):
        self.seconds = 0.0

    def now(self):
        return MOMENT + timedelta(seconds=self.seconds)

    def monotonic(self):
        return self.seconds


async def refusal(resolver, token):
    with pytest.raises(Unauthenticated) as refused:
        await resolver.resolve(token)
    return refused.value


async def test_the_claims_become_a_principal(keys, resolver):
    token = keys.sign(
        sub="u-1",
        team="ops",
        role="engineer",
        scopes=["models:read", "models:write"],
        email="a@b.c",
        name="Ann",
        jti="t-1",
        exp=int(real_now().timestamp()) + 900,
    )

    caller = await resolver.resolve(token)

    assert (caller.user_id, caller.team, caller.role, caller.email, caller.name) == (
        "u-1", "ops", "engineer", "a@b.c", "Ann",
    )  # fmt: skip
    assert caller.scopes == {"models:read", "models:write"}
    assert (caller.token_id, caller.service, caller.execution_id) == ("t-1", "", "")
    assert caller.expires_at > real_now().timestamp()


async def test_a_service_is_named_by_its_subject_and_a_job_by_its_execution(keys, resolver):
    service = await resolver.resolve(keys.service("pipeline"))
    job = await resolver.resolve(keys.sign(role="job", execution_id="e-1"))

    assert (service.service, service.is_service, service.team) == ("pipeline", True, "")
    assert (job.service, job.execution_id) == ("", "e-1")


def unsigned(header, claims):
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims))
    return ".".join((*parts, ""))


def claims():
    now = int(real_now().timestamp())
    return {
        "iss": ISSUER,
        "aud": "forgepoint",
        "sub": "u",
        "iat": now,
        "exp": now + 86_400,
        "role": "admin",
        "scopes": ["*:*"],
    }


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None])
async def test_an_unsigned_token_is_worth_nothing(resolver, algorithm):
    error = await refusal(resolver, unsigned({"alg": algorithm, "typ": "JWT", "kid": "one"}, claims()))

    assert error.reason == "TOKEN_INVALID"


async def test_a_token_signed_with_the_public_key_as_a_secret_is_worth_nothing(keys, resolver):
    public = keys.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = unsigned({"alg": "HS256", "typ": "JWT", "kid": "one"}, claims()).rstrip(".")
    mac = hmac.new(public, signed.encode(), hashlib.sha256).digest()

    error = await refusal(resolver, f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}")

    assert "RS256" in error.message


@pytest.mark.parametrize("algorithm", ["RS512", "PS256"])
async def test_another_algorithm_of_the_same_key_is_worth_nothing(keys, resolver, algorithm):
    token = jwt.encode(claims(), keys.private, algorithm=algorithm, headers={"kid": "one"})

    assert (await refusal(resolver, token)).reason == "TOKEN_INVALID"


async def test_a_token_of_another_key_is_worth_nothing(make_keys, resolver):
    forged = make_keys("one").sign()
    unknown = make_keys("two").sign()

    assert "signature" in (await refusal(resolver, forged)).message
    assert "key is unknown" in (await refusal(resolver, unknown)).message


async def test_a_token_without_a_key_id_is_worth_nothing(keys, resolver):
    token = jwt.encode(claims(), keys.private, algorithm="RS256")

    assert "names no key" in (await refusal(resolver, token)).message


@pytest.mark.parametrize(
    "claim",
    [
        {"iss": "http://elsewhere"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": None},
        {"iat": 4_000_000_000},
        {"nbf": 4_000_000_000},
        {"nbf": "never"},
        {"role": None},
        {"role": 7},
        {"team": ["a"]},
        {"scopes": "models:read"},
        {"scopes": [1]},
    ],
    ids=str,
)
async def test_a_token_with_wrong_claims_is_worth_nothing(keys, resolver, claim):
    assert (await refusal(resolver, keys.sign(**claim))).reason == "TOKEN_INVALID"


async def test_an_expired_token_says_so(keys, resolver):
    error = await refusal(resolver, keys.sign(exp=int(real_now().timestamp()) - 1))

    assert error.reason == "TOKEN_EXPIRED"


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_anything_that_is_no_token_is_refused_and_not_more(text):
    resolver = JwtResolver(ISSUER, StaticJwks({"keys": []}))
    step = resolver.resolve(text)

    with pytest.raises(Unauthenticated):
        step.send(None)


async def test_a_token_that_is_too_long_is_refused(keys, resolver):
    assert "too long" in (await refusal(resolver, keys.sign(name="x" * 20_000))).message


async def test_a_token_is_verified_once_and_remembered_until_it_expires(keys):
    source, clock = Counting(keys.jwks), Time()
    resolver = JwtResolver(ISSUER, source, clock)
    begun = int(MOMENT.timestamp())
    token = keys.sign(iat=begun, exp=begun + 900)

    first = await resolver.resolve(token)
    clock.seconds = 899 - 5
    assert await resolver.resolve(token) is first

    clock.seconds = 901
    assert (await refusal(resolver, token)).reason == "TOKEN_EXPIRED"


async def test_the_memory_of_tokens_is_bounded(keys):
    source = Counting(keys.jwks)
    resolver = JwtResolver(ISSUER, source, limit=2)
    tokens = [keys.sign(jti=str(number)) for number in range(3)]

    first, _, third = [await resolver.resolve(token) for token in tokens]
    assert await resolver.resolve(tokens[2]) is third
    assert await resolver.resolve(tokens[0]) is not first


async def test_a_remembered_token_ends_when_its_key_leaves_the_set(keys):
    """A token forged with a leaked key, once used, was good until its own end, also when the key was withdrawn."""
    source = Counting(keys.jwks)
    resolver = JwtResolver(ISSUER, source)
    token = keys.sign()
    await resolver.resolve(token)

    source.withdraw()

    assert "key is unknown" in (await refusal(resolver, token)).message


async def test_a_token_that_lives_longer_than_any_of_auth_is_refused(keys, resolver):
    now = int(real_now().timestamp())
    await resolver.resolve(keys.sign(iat=now, exp=now + 86_400))
    assert "too long" in (await refusal(resolver, keys.sign(iat=now, exp=now + 86_401))).message
    assert "too long" in (await refusal(resolver, keys.sign(exp=now + 10 * 365 * 86_400))).message


async def test_a_refused_token_is_not_remembered(keys, make_keys):
    source = Counting(keys.jwks)
    resolver = JwtResolver(ISSUER, source)

    for _ in range(2):
        await refusal(resolver, make_keys("one").sign())

    assert source.asked == 2


async def test_the_form_of_a_credential_picks_its_resolver():
    class Named:
        def __init__(self, name):
            self.name = name

        async def resolve(self, credential, *, audience):
            raise Unavailable(f"{self.name} {credential}")

    resolver = CredentialResolver(Named("jwt"), Named("keys"), Withdrawals(None))

    with pytest.raises(Unavailable, match="keys fp_abc"):
        await resolver.resolve("fp_abc")
    with pytest.raises(Unavailable, match=r"jwt eyJ\."):
        await resolver.resolve("eyJ.")


class Nobody:
    async def resolve(self, credential, *, audience):
        raise Unauthenticated("nobody")


@pytest.mark.parametrize(
    ("known", "sent", "audience", "is_edge"),
    [
        ("what the edge says", "what the edge says", ADDRESS_AUDIENCE, True),
        ("what the edge says", "what another says", ADDRESS_AUDIENCE, False),
        ("what the edge says", "", ADDRESS_AUDIENCE, False),
        # Without an edge there is nothing that proves it.
        ("", "", ADDRESS_AUDIENCE, False),
        # It opens no RPC.
        ("what the edge says", "what the edge says", AUDIENCE, False),
    ],
)
async def test_the_proof_of_the_edge_is_good_for_addresses_alone(known, sent, audience, is_edge):
    resolver = CredentialResolver(Nobody(), Nobody(), Withdrawals(None), known)

    if is_edge:
        assert (await resolver.resolve(sent, audience=audience)).service == "edge"
    else:
        with pytest.raises(Unauthenticated):
            await resolver.resolve(sent, audience=audience)
