"""A service's own credential for a token of role service."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fp_kernel import Clock, Unauthenticated, invalid, new_id

from fp_auth.app.ports import ServiceCredentials, TokenSigner
from fp_auth.domain import claims
from fp_auth.domain.credentials import matches
from fp_auth.domain.sessions import POLICY

_MAX_SECRET = 512
_MAX_NOUN = 63


@dataclass(frozen=True, slots=True, repr=False)
class IssuedToken:
    access_token: str
    expires_at: datetime


class ExchangeServiceToken:
    def __init__(
        self,
        known: ServiceCredentials,
        scopes: Mapping[str, frozenset[str]],
        signer: TokenSigner,
        clock: Clock,
        *,
        life: timedelta = POLICY.access,
    ) -> None:
        """scopes: of each service by its noun; one that is not named has a token without any."""
        self._known = known
        self._scopes = scopes
        self._signer = signer
        self._clock = clock
        self._life = life

    async def __call__(self, service: str, secret: str, audience: str = claims.AUDIENCE) -> IssuedToken:
        """Raises InvalidArgument, Unauthenticated."""
        for field, value, longest in (("service", service, _MAX_NOUN), ("secret", secret, _MAX_SECRET)):
            if not value or len(value) > longest:
                raise invalid(field, f"must have 1 to {longest} characters")
        if audience not in claims.AUDIENCES:
            raise invalid("audience", f"must be one of {', '.join(sorted(claims.AUDIENCES))}")
        now = self._clock.now()
        if not matches(secret, await self._known.hashes(service, now)):
            raise Unauthenticated("service or secret is wrong", reason="WRONG_CREDENTIALS")
        scopes = self._scopes.get(service, frozenset())
        said = claims.of_service(service, scopes, audience=audience, now=now, life=self._life, token_id=new_id())
        return IssuedToken(self._signer.sign(said), now + self._life)
