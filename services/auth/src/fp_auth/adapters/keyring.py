"""The signing keys of this replica, as the database had them a moment ago."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from fp_kernel import Clock, Unavailable, new_id

from fp_auth.adapters.sealing import Sealer
from fp_auth.app.ports import SigningKey, SigningKeys
from fp_auth.domain.claims import Claims
from fp_auth.domain.signing import KeyLife

ALGORITHM = "RS256"
_BITS = 2048
_EXPONENT = 65_537
_RELOAD_AT_MOST_EVERY = 1.0


class RsaKeyFactory:
    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    async def make(self, now: datetime) -> SigningKey:
        private = await asyncio.to_thread(rsa.generate_private_key, _EXPONENT, _BITS)
        kid = new_id()
        der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        jwk = {**jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key(), as_dict=True), "kid": kid}
        jwk.update(use="sig", alg=ALGORITHM)
        jwk.pop("key_ops", None)
        return SigningKey(KeyLife(kid, now), json.dumps(jwk, sort_keys=True), self._sealer.seal(der, kid))


@dataclass(frozen=True, slots=True)
class _Ring:
    signer: RSAPrivateKey | None = None
    kid: str = ""
    public: Mapping[str, RSAPublicKey] = field(default_factory=dict)
    jwks: str = '{"keys": []}'


class Keyring:
    """Signs with the current key, verifies with every key that still may have signed a living token."""

    def __init__(self, keys: SigningKeys, sealer: Sealer, *, issuer: str, clock: Clock) -> None:
        self._keys = keys
        self._sealer = sealer
        self._issuer = issuer
        self._clock = clock
        self._ring = _Ring()
        self._loaded_at = float("-inf")

    async def reload(self) -> None:
        """Raises NotSealedHere when the current key does not open, Unavailable while the database is away."""
        keys = await self._keys.all()
        current = next((key for key in keys if key.life.signs_from and not key.life.retired_at), None)
        if current is None:
            raise Unavailable("there is no signing key yet")
        self._loaded_at = self._clock.monotonic()
        jwks = [json.loads(key.public_jwk) for key in keys]
        self._ring = _Ring(
            signer=self._ring.signer if self._ring.kid == current.life.kid else self._opened(current),
            kid=current.life.kid,
            public={jwk["kid"]: _public_key(jwk) for jwk in jwks},
            jwks=json.dumps({"keys": jwks}),
        )

    @property
    def jwks(self) -> str:
        """A JSON Web Key Set (RFC 7517, section 5)."""
        return self._ring.jwks

    async def key(self, kid: str) -> RSAPublicKey | None:
        """The public key of this id; None when there is none.

        Another replica may have rotated a moment ago: an unknown id loads the keys again, once a second at most.
        """
        if kid not in self._ring.public and self._clock.monotonic() - self._loaded_at >= _RELOAD_AT_MOST_EVERY:
            await self.reload()
        return self._ring.public.get(kid)

    def sign(self, claims: Claims) -> str:
        if self._ring.signer is None:
            raise Unavailable("there is no signing key yet")
        return jwt.encode(self._payload(claims), self._ring.signer, ALGORITHM, headers={"kid": self._ring.kid})

    def _payload(self, claims: Claims) -> dict[str, object]:
        optional = {
            "email": claims.email,
            "name": claims.name,
            "execution_id": claims.execution_id,
            "sid": claims.session_id,
        }
        return {
            "iss": self._issuer,
            "aud": claims.audience,
            "sub": claims.subject,
            "jti": claims.token_id,
            # With fractions: a login in the second of a "log out everywhere" differs from one before it.
            "iat": claims.issued_at.timestamp(),
            "exp": int(claims.expires_at.timestamp()) if claims.expires_at else None,
            "team": claims.team,
            "role": claims.role,
            "scopes": sorted(claims.scopes),
            **{name: value for name, value in optional.items() if value},
        }

    def _opened(self, key: SigningKey) -> RSAPrivateKey:
        der = self._sealer.open(key.sealed, key.life.kid)
        # What opens is what was sealed: to check its primes again costs a noticeable part of a start.
        private = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(private, RSAPrivateKey):
            raise TypeError("a signing key is not an RSA key")
        return private


def _public_key(jwk: Mapping[str, str]) -> RSAPublicKey:
    key = jwt.algorithms.RSAAlgorithm.from_jwk(dict(jwk))
    if not isinstance(key, RSAPublicKey):
        raise TypeError("a published key is not a public key")
    return key
