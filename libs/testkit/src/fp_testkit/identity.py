"""Identities with real signatures, for servers that verify them as in production."""

import functools
import json
from typing import TYPE_CHECKING, Any, Final

from fp_kernel import new_id

from fp_testkit.wallclock import real_now

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from fp_kernel import Clock
    from fp_rpc import JwtResolver

# Seconds. A token lives longer than any test, however slow the machine: none of them is about it unless it says so.
_LIFE: Final = 86_400.0
AUDIENCE: Final = "forgepoint"
ADDRESS_AUDIENCE: Final = "forgepoint-client-address"
ISSUER: Final = "https://issuer.test"
TEAM: Final = "alpha"
OTHER_TEAM: Final = "beta"

_READ = frozenset(
    f"{resource}:read"
    for resource in (
        "models", "features", "experiments", "pipelines", "deployments", "monitors", "billing", "notifications",
    )
)  # fmt: skip
_WRITE = frozenset(
    f"{resource}:write" for resource in ("models", "features", "experiments", "pipelines", "deployments", "monitors")
)

_OWN_KEYS = frozenset({"api-keys:read", "api-keys:write"})

ROLE_SCOPES: Final[dict[str, frozenset[str]]] = {
    "operator": frozenset({"*:*", "platform:admin"}),
    "admin": frozenset({"*:*"}),
    "engineer": _READ
    | _WRITE
    | _OWN_KEYS
    | {"predictions:create", "predictions:read", "secrets:read", "secrets:write", "teams:read", "teams:write"},
    "viewer": _READ | _OWN_KEYS,
    "job": frozenset({"models:read", "features:read", "experiments:write"}),
}


class TestIdentity:
    """Issues RS256 tokens of any role and team; its resolver accepts them.

    issuer: the `iss` claim. The signing key is made once a process, because making one takes 0.1 s.
    """

    __test__ = False

    def __init__(self, issuer: str = ISSUER) -> None:
        self.issuer = issuer
        self.kid = "test-key"

    @property
    def jwks(self) -> dict[str, Any]:
        """The public half, as auth serves it."""
        from jwt.algorithms import RSAAlgorithm

        key = json.loads(RSAAlgorithm.to_jwk(_private_key().public_key()))
        return {"keys": [key | {"kid": self.kid, "alg": "RS256", "use": "sig"}]}

    def resolver(self, clock: "Clock | None" = None) -> "JwtResolver":
        """Verifies the tokens as a service does."""
        from fp_rpc import JwtResolver, StaticJwks

        return JwtResolver(self.issuer, StaticJwks(self.jwks), clock)

    def operator(self, team: str = TEAM, **claims: Any) -> str:
        """Runs the platform: may name another team where an RPC allows it."""
        return self.token(role="operator", team=team, **claims)

    def admin(self, team: str = TEAM, **claims: Any) -> str:
        return self.token(role="admin", team=team, **claims)

    def engineer(self, team: str = TEAM, **claims: Any) -> str:
        return self.token(role="engineer", team=team, **claims)

    def viewer(self, team: str = TEAM, **claims: Any) -> str:
        return self.token(role="viewer", team=team, **claims)

    def service(self, noun: str, **claims: Any) -> str:
        """A service's own token with the scopes of that service; it acts for a team by `fp-on-behalf-of-team`."""
        facts = {"sub": noun, "name": noun, "email": "", "scopes": sorted(_scopes_of(noun))}
        return self.token(role="service", team="", **(facts | claims))

    def address_proof(self, noun: str = "gateway", **claims: Any) -> str:
        """The token by which a service proves that it passes on a client's address."""
        return self.service(noun, **({"aud": ADDRESS_AUDIENCE, "scopes": []} | claims))

    def job(self, team: str = TEAM, execution_id: str = "execution", **claims: Any) -> str:
        return self.token(role="job", team=team, **({"execution_id": execution_id} | claims))

    def token(self, *, role: str, team: str, ttl: float = _LIFE, **claims: Any) -> str:
        """Any claims; those given here win over those of the role, and None leaves one out.

        ttl: seconds until it expires, from now; negative for an expired one.
        """
        return self.sign(self._claims(role, team, ttl) | claims)

    def sign(self, claims: dict[str, Any], *, key: Any = None, algorithm: str = "RS256", kid: str | None = None) -> str:
        """Exactly these claims; another key, algorithm or kid makes a token that must be refused."""
        import jwt

        present = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(present, key or _private_key(), algorithm=algorithm, headers={"kid": kid or self.kid})

    def _claims(self, role: str, team: str, ttl: float) -> dict[str, Any]:
        now = int(real_now().timestamp())
        user = f"{role}-of-{team}"
        return {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": user,
            "iat": min(now, now + int(ttl)),
            "exp": now + int(ttl),
            "jti": new_id(),
            "email": f"{role}@{team}.test",
            "name": user,
            "team": team,
            "role": role,
            "scopes": sorted(ROLE_SCOPES.get(role, frozenset())),
        }


@functools.cache
def _scopes_of(noun: str) -> frozenset[str]:
    """As auth puts them into the token."""
    import fp_platform

    platform = fp_platform.services()
    facts = {**platform["services"], platform["runtime"]["noun"]: platform["runtime"]}
    return frozenset(facts.get(noun, {}).get("scopes", ()))


@functools.cache
def _private_key() -> "RSAPrivateKey":
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
