"""Access tokens: JSON Web Tokens (RFC 7519), signed with RS256 and nothing else."""

from collections.abc import Mapping
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from fp_kernel import Clock, Principal, SystemClock, Unauthenticated
from fp_kernel.identity import SERVICE_ROLE

from fp_rpc.identity.caller import ADDRESS_AUDIENCE, AUDIENCE
from fp_rpc.identity.jwks import JwksSource

ALGORITHM: Final = "RS256"
_LEEWAY: Final = 5.0
_LONGEST: Final = 16_384
LONGEST_LIFE: Final = 86_400.0
"""Seconds between `iat` and `exp`: the life of a job's token. Whoever has a leaked key could else sign one for ever."""
_TEXTS: Final = ("sub", "team", "role", "email", "name", "jti", "execution_id", "sid")
# Times are checked here against the clock that was passed in.
_OPTIONS: Final[Any] = {
    "require": ["exp", "iat", "iss", "sub", "aud"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


class JwtResolver:
    """Verifies access tokens locally.

    A verified token is remembered, and so is its key: it is worth nothing from the moment when the key leaves the set.

    issuer: what the `iss` claim must be.
    limit: verified tokens that are remembered until they expire; the oldest goes first.
    """

    def __init__(self, issuer: str, jwks: JwksSource, clock: Clock | None = None, *, limit: int = 4_096) -> None:
        self._issuer = issuer
        self._jwks = jwks
        self._clock = clock or SystemClock()
        self._limit = limit
        # By audience, so that a token which proves an address is never taken for one that calls.
        self._verified: dict[str, dict[str, tuple[Principal, float, str, RSAPublicKey]]] = {
            AUDIENCE: {},
            ADDRESS_AUDIENCE: {},
        }

    async def resolve(self, credential: str, *, audience: str = AUDIENCE) -> Principal:
        """Raises Unauthenticated with reason TOKEN_INVALID or TOKEN_EXPIRED, Unavailable without any keys."""
        verified = self._verified[audience]
        known = verified.get(credential)
        if known is not None:
            principal, until, kid, verified_by = known
            # The same object until the set is loaded again: then the token is verified once more.
            if self._clock.monotonic() < until and await self._jwks.key(kid) is verified_by:
                return principal
            verified.pop(credential, None)
        now = self._clock.now().timestamp()
        kid = _key_id(credential)
        key = await self._jwks.key(kid)
        if key is None:
            raise _bad("its key is unknown")
        principal = self._verify(credential, kid, key, now, audience)
        if len(verified) >= self._limit:
            del verified[next(iter(verified))]
        verified[credential] = principal, self._clock.monotonic() + principal.expires_at - now, kid, key
        return principal

    def _verify(self, token: str, kid: str, key: RSAPublicKey, now: float, audience: str) -> Principal:
        try:
            claims = jwt.decode(
                token, key, algorithms=[ALGORITHM], audience=audience, issuer=self._issuer, options=_OPTIONS
            )
        except jwt.InvalidTokenError:
            raise _bad("its signature or claims are wrong") from None
        principal = _principal(claims, kid)
        if now >= principal.expires_at:
            raise _expired()
        not_before = claims.get("nbf", claims["iat"])
        if principal.expires_at - principal.issued_at > LONGEST_LIFE:
            raise _bad("it says that it lives too long")
        if not isinstance(not_before, (int, float)) or not_before > now + _LEEWAY:
            raise _bad("it is not valid yet")
        return principal


def _key_id(token: str) -> str:
    """The key id of the header, once its algorithm is the only one that counts."""
    if len(token) > _LONGEST:
        raise _bad("it is too long")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        raise _bad("it is no JSON Web Token") from None
    if header.get("alg") != ALGORITHM:
        raise _bad(f"it is not signed with {ALGORITHM}")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise _bad("it names no key")
    return kid


def _principal(claims: Mapping[str, Any], kid: str) -> Principal:
    expires_at, issued_at, scopes = claims["exp"], claims["iat"], claims.get("scopes", [])
    texts = {name: claims.get(name, "") for name in _TEXTS}
    well_formed = (
        isinstance(expires_at, (int, float))
        and isinstance(issued_at, (int, float))
        and isinstance(scopes, list)
        and all(isinstance(scope, str) for scope in scopes)
        and all(isinstance(text, str) for text in texts.values())
    )
    if not well_formed or not texts["sub"] or not texts["role"]:
        raise _bad("its claims are malformed")
    return Principal(
        user_id=texts["sub"],
        team=texts["team"],
        role=texts["role"],
        scopes=frozenset(scopes),
        expires_at=float(expires_at),
        email=texts["email"],
        name=texts["name"],
        token_id=texts["jti"],
        execution_id=texts["execution_id"],
        service=texts["sub"] if texts["role"] == SERVICE_ROLE else "",
        issued_at=float(issued_at),
        session_id=texts["sid"],
        signing_key=kid,
    )


def _bad(why: str) -> Unauthenticated:
    return Unauthenticated(f"the token is worth nothing: {why}", reason="TOKEN_INVALID")


def _expired() -> Unauthenticated:
    return Unauthenticated("the token has expired", reason="TOKEN_EXPIRED")
