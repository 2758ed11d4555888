"""Workloads whose identity another issuer vouches for: which of its tokens is worth which token of the platform."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from fp_kernel import PermissionDenied
from fp_kernel.identity import PLATFORM

from fp_auth.domain import claims, foreign_tokens
from fp_auth.domain.scopes import ANY, covers

WORKLOAD_ROLE = "workload"
LONGEST = timedelta(minutes=15)
# What would let a workload make itself somebody else.
_PEOPLE_ONLY = frozenset((ANY, PLATFORM, "users", "teams", "api-keys"))


@dataclass(frozen=True, slots=True)
class Trust:
    """One mapping. matches: claim -> pattern, where `*` stands for any run of characters; all must fit.

    once: a token with a `jti` is exchanged once. Not for Kubernetes, whose token is a file that is good for an hour.
    """

    name: str
    issuer: str
    audience: str
    matches: Mapping[str, str]
    team: str
    scopes: frozenset[str]
    life: timedelta
    once: bool = True

    def fits(self, said: foreign_tokens.Claims) -> bool:
        return all(
            any(fnmatchcase(value, _literal(pattern)) for value in foreign_tokens.values_of(said, claim))
            for claim, pattern in self.matches.items()
        )


def check_trust(trust: Trust) -> None:
    """Raises ValueError."""
    if not trust.matches:
        raise ValueError("matches must name at least one claim: every token of the issuer would fit")
    if all(set(pattern) == {"*"} for pattern in trust.matches.values()):
        raise ValueError("matches must not consist of * alone: every token of the issuer would fit")
    if wrong := sorted(scope for scope in trust.scopes if scope.partition(":")[0] in _PEOPLE_ONLY):
        raise ValueError(f"scopes must not have {wrong[0]}: people alone may")
    if not timedelta(0) < trust.life <= LONGEST:
        raise ValueError("minutes must be more than 0 and at most 15")


def narrowed(trust: Trust, wanted: Iterable[str]) -> frozenset[str]:
    """Raises PermissionDenied for a scope that the mapping does not give."""
    scopes = frozenset(wanted)
    if missing := sorted(scope for scope in scopes if not covers(trust.scopes, scope)):
        raise PermissionDenied(f"scopes: {missing[0]} is not among those of the mapping", reason="SCOPE_NOT_GRANTED")
    return scopes or trust.scopes


def of_workload(
    trust: Trust, subject: str, scopes: frozenset[str], *, now: datetime, ends: datetime, token_id: str
) -> claims.Claims:
    return claims.Claims(
        subject=f"workload:{trust.name}",
        team=trust.team,
        role=WORKLOAD_ROLE,
        scopes=scopes,
        issued_at=now,
        expires_at=ends,
        token_id=token_id,
        name=subject,
    )


def _literal(pattern: str) -> str:
    """`*` alone is special; the other signs of fnmatch stand for themselves."""
    return pattern.replace("[", "[[]").replace("?", "[?]")
