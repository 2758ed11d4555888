"""A token of a workload's own issuer for a short one of the platform (RFC 8693)."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fp_kernel import Clock, PermissionDenied, Unauthenticated, invalid, new_id

from fp_auth.app.ports import TokenSigner
from fp_auth.app.sign_in_ports import ForeignIssuer, SignInTransactions
from fp_auth.domain import workloads
from fp_auth.domain.foreign_tokens import MAX_TOKEN, Claims, check_token
from fp_auth.domain.scopes import parse_scopes
from fp_auth.domain.workloads import Trust

_MAX_JTI = 500
_MAX_NAME = 200
# Longer than a token is taken after its end.
_LEEWAY = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, repr=False)
class WorkloadToken:
    trust: Trust
    access_token: str
    ends: datetime
    life: timedelta
    scopes: frozenset[str]


class ExchangeWorkloadToken:
    """trusts: the first one that fits decides. issuer_of: who a token says it is from, unchecked; empty for nobody."""

    def __init__(
        self,
        trusts: Sequence[Trust],
        issuers: Mapping[str, ForeignIssuer],
        transactions: SignInTransactions,
        signer: TokenSigner,
        clock: Clock,
        *,
        issuer_of: Callable[[str], str],
    ) -> None:
        self._trusts = trusts
        self._issuers = issuers
        self._transactions = transactions
        self._signer = signer
        self._clock = clock
        self._issuer_of = issuer_of

    async def __call__(self, token: str, *, name: str = "", scopes: Iterable[str] = ()) -> WorkloadToken:
        """name: of the mapping to use, empty for any. scopes: wanted; none for all of the mapping's.

        Raises InvalidArgument, Unauthenticated for a token that proves nothing, PermissionDenied where no mapping fits
        it, Unavailable while its issuer is away.
        """
        if not token or len(token) > MAX_TOKEN:
            raise invalid("subject_token", f"must be a JSON Web Token of at most {MAX_TOKEN} characters")
        listed = list(scopes)
        wanted = parse_scopes(listed) if listed else frozenset()
        issuer = self._issuer_of(token)
        known = self._issuers.get(issuer)
        if known is None:
            raise Unauthenticated("no mapping names the issuer of the token", reason="ISSUER_UNKNOWN")
        claims = await known.claims(token)
        now = self._clock.now()
        trust, subject = self._fitting(claims, issuer, name, now)
        granted = workloads.narrowed(trust, wanted)
        if trust.once:
            await self._spend(claims, issuer)
        ends = min(now + trust.life, datetime.fromtimestamp(claims["exp"], UTC))
        if ends <= now:
            raise Unauthenticated("the token of the other issuer is refused: it has expired", reason="TOKEN_EXPIRED")
        said = workloads.of_workload(trust, subject[:_MAX_NAME], granted, now=now, ends=ends, token_id=new_id())
        return WorkloadToken(trust, self._signer.sign(said), ends, ends - now, granted)

    def _fitting(self, claims: Claims, issuer: str, name: str, now: datetime) -> tuple[Trust, str]:
        candidates = [each for each in self._trusts if each.issuer == issuer and name in ("", each.name)]
        refusal: Unauthenticated | None = None
        for trust in candidates:
            try:
                subject = check_token(claims, issuer=issuer, audience=trust.audience, now=now)
            except Unauthenticated as wrong:
                refusal = refusal or wrong
                continue
            if trust.fits(claims):
                return trust, subject
        if refusal is not None:
            raise refusal
        raise PermissionDenied("no mapping fits the claims of the token", reason="NO_RULE_FITS")

    async def _spend(self, claims: Claims, issuer: str) -> None:
        """A token that names itself is good once."""
        token_id = claims.get("jti")
        if not isinstance(token_id, str) or not 0 < len(token_id) <= _MAX_JTI:
            return
        digest = hashlib.sha256(f"jti:{issuer}\n{token_id}".encode()).digest()
        async with self._transactions() as tx:
            if not await tx.spent_tokens.spend(digest, datetime.fromtimestamp(claims["exp"], UTC) + _LEEWAY):
                raise Unauthenticated("the token was exchanged before", reason="TOKEN_REPLAYED")
