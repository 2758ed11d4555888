"""Signing with real keys; verified by the resolver that every service uses."""

import json
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fp_auth.adapters.identity import JwtVerifier
from fp_auth.adapters.keyring import Keyring, RsaKeyFactory
from fp_auth.adapters.postgres.signing_keys import PostgresSigningKeys
from fp_auth.adapters.sealing import NotSealedHere, Sealer
from fp_auth.app.rotate_signing_keys import RotateSigningKeys
from fp_auth.domain.claims import Claims
from fp_kernel import Unauthenticated, Unavailable
from fp_rpc import JwtResolver, StaticJwks

ISSUER = "https://auth.test"
SEALER = Sealer([b"k" * 32], "signing-keys")
DAY = 24 * 3_600


class Replica:
    """One replica of auth over shared keys."""

    def __init__(self, world) -> None:
        self.world = world
        self.keyring = Keyring(world.stores.signing_keys, SEALER, issuer=ISSUER, clock=world.clock)
        self.rotate = RotateSigningKeys(
            world.stores.signing_keys, world.transactions, RsaKeyFactory(SEALER), world.clock
        )
        self.verifier = JwtVerifier(JwtResolver(ISSUER, self.keyring, world.clock))

    async def upkeep(self) -> bool:
        changed = await self.rotate()
        await self.keyring.reload()
        return changed

    def token(self, life: float = 900) -> str:
        now = self.world.now()
        return self.keyring.sign(
            Claims("user-1", "alpha", "viewer", frozenset({"models:read"}), now, now + timedelta(seconds=life), "jti-1")
        )

    def kids(self) -> set[str]:
        return {key["kid"] for key in json.loads(self.keyring.jwks)["keys"]}


@pytest.fixture
async def replica(world):
    replica = Replica(world)
    assert await replica.upkeep()
    return replica


async def test_a_fresh_database_publishes_two_keys_and_keeps_them_sealed(world, replica):
    published = json.loads(replica.keyring.jwks)["keys"]
    assert len(published) == 2
    assert all(key.keys() == {"kty", "n", "e", "kid", "use", "alg"} for key in published)
    for stored in await world.stores.signing_keys.all():
        assert SEALER.open(stored.sealed, stored.life.kid)


async def test_a_token_says_what_it_was_given(world, replica):
    claims = await replica.verifier.verify(replica.token())
    assert (claims.subject, claims.team, claims.role, claims.token_id) == ("user-1", "alpha", "viewer", "jti-1")
    assert claims.scopes == {"models:read"}
    assert (claims.issued_at, claims.expires_at) == (world.now(), world.now() + timedelta(seconds=900))


async def test_anybody_verifies_a_token_with_the_published_keys(world, replica):
    elsewhere = JwtResolver(ISSUER, StaticJwks(json.loads(replica.keyring.jwks)), world.clock)
    assert (await elsewhere.resolve(replica.token())).user_id == "user-1"


async def test_nothing_rotates_within_the_period(world, replica):
    kids = replica.kids()
    world.clock.advance(29 * DAY)
    assert not await replica.upkeep()
    assert replica.kids() == kids


async def test_a_rotation_keeps_old_tokens_valid_and_was_announced(world, replica):
    announced, old = replica.keyring.jwks, replica.token(life=24 * 3_600)
    world.clock.advance(30 * DAY)
    old = replica.token(life=24 * 3_600)
    assert await replica.upkeep()
    new = replica.token()
    await replica.verifier.verify(old)
    await replica.verifier.verify(new)
    # Who loaded the keys before the rotation verifies tokens that were signed after it.
    stale = JwtResolver(ISSUER, StaticJwks(json.loads(announced)), world.clock)
    assert (await stale.resolve(new)).user_id == "user-1"
    assert jwt.get_unverified_header(old)["kid"] != jwt.get_unverified_header(new)["kid"]


async def test_a_retired_key_disappears_after_its_last_token(world, replica):
    world.clock.advance(30 * DAY)
    old = replica.token(life=24 * 3_600)
    await replica.upkeep()
    assert len(replica.kids()) == 3
    world.clock.advance(25 * 3_600)
    assert await replica.upkeep()
    assert len(replica.kids()) == 2
    assert jwt.get_unverified_header(old)["kid"] not in replica.kids()


async def test_two_replicas_end_with_the_same_two_keys(world, replica):
    other = Replica(world)
    assert not await other.upkeep()
    assert other.kids() == replica.kids()
    await replica.verifier.verify(other.token())


async def test_a_replica_verifies_what_another_one_signed_after_a_rotation_it_has_not_seen(world, replica):
    other = Replica(world)
    await other.upkeep()
    for _ in range(2):  # the second rotation promotes a key that the stale replica never loaded
        world.clock.advance(30 * DAY)
        await other.upkeep()
    await replica.verifier.verify(other.token())


async def test_an_unknown_key_id_loads_the_keys_once_a_second_at_most(world, replica, monkeypatch):
    loads = []
    load = PostgresSigningKeys.all

    async def counted(keys):
        loads.append(1)
        return await load(keys)

    monkeypatch.setattr(PostgresSigningKeys, "all", counted)
    world.clock.advance(2)
    for _ in range(50):
        assert await replica.keyring.key("unknown") is None
    assert len(loads) == 1


async def test_another_encryption_key_does_not_open_them(world, replica):
    stranger = Keyring(world.stores.signing_keys, Sealer([b"x" * 32], "signing-keys"), issuer=ISSUER, clock=world.clock)
    with pytest.raises(NotSealedHere):
        await stranger.reload()


async def test_without_keys_nothing_is_signed(world):
    keyring = Keyring(world.stores.signing_keys, SEALER, issuer=ISSUER, clock=world.clock)
    with pytest.raises(Unavailable):
        await keyring.reload()


def forgeries(replica):
    payload = jwt.decode(replica.token(), options={"verify_signature": False}) | {"role": "admin", "scopes": ["*:*"]}
    kid = jwt.get_unverified_header(replica.token())["kid"]
    stranger = rsa.generate_private_key(65_537, 2_048)
    public = json.loads(replica.keyring.jwks)["keys"][0]["n"]
    yield jwt.encode(payload, "", algorithm="none", headers={"kid": kid})
    yield jwt.encode(payload, public, algorithm="HS256", headers={"kid": kid})
    yield jwt.encode(payload, stranger, algorithm="RS256", headers={"kid": kid})
    yield jwt.encode(payload, stranger, algorithm="RS256", headers={"kid": "unknown"})
    head, body, signature = replica.token().split(".")
    yield f"{head}.{body[:-2]}AA.{signature}"
    yield "not.a.token"


async def test_forged_tokens_are_worth_nothing(replica):
    for forged in forgeries(replica):
        with pytest.raises(Unauthenticated):
            await replica.verifier.verify(forged)


async def test_expired_tokens_and_those_of_another_issuer_are_worth_nothing(world, replica):
    token = replica.token()
    elsewhere = JwtVerifier(JwtResolver("https://elsewhere.test", replica.keyring, world.clock))
    with pytest.raises(Unauthenticated):
        await elsewhere.verify(token)
    world.clock.advance(900)
    with pytest.raises(Unauthenticated):
        await replica.verifier.verify(token)
