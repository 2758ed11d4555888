"""Identities with real signatures, for servers that verify them as in production."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fp_kernel import Clock
    from fp_rpc import JwtResolver

AUDIENCE = "forgepoint"
ISSUER = "https://issuer.test"

ROLE_SCOPES: dict[str, frozenset[str]] = {}


class TestIdentity:
    """Issues RS256 tokens of any role and team; its resolver accepts them.

    issuer: the `iss` claim. jwks: the public half, as auth serves it.
    """

    __test__ = False

    def __init__(self, issuer: str = ISSUER) -> None:
        self.issuer = issuer

    @property
    def jwks(self) -> dict[str, Any]:
        raise NotImplementedError

    def resolver(self, clock: "Clock | None" = None) -> "JwtResolver":
        raise NotImplementedError

    def admin(self, team: str = "alpha", **claims: Any) -> str:
        raise NotImplementedError

    def engineer(self, team: str = "alpha", **claims: Any) -> str:
        raise NotImplementedError

    def viewer(self, team: str = "alpha", **claims: Any) -> str:
        raise NotImplementedError

    def service(self, noun: str, **claims: Any) -> str:
        """A service's own token; it acts for a team by `fp-on-behalf-of-team`."""
        raise NotImplementedError

    def job(self, team: str = "alpha", execution_id: str = "", **claims: Any) -> str:
        raise NotImplementedError

    def token(self, *, role: str, team: str, ttl: float = 900.0, **claims: Any) -> str:
        """Any claims; those given here win over those of the role."""
        raise NotImplementedError
