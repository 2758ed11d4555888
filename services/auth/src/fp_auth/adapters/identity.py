"""Who calls: auth asks itself, in memory and in its own database, never over the network."""

import math
from datetime import UTC, datetime

from forgepoint.events.v1.events_pb2 import IdentityEnded
from fp_kernel import Principal, Unauthenticated
from fp_rpc import IdentityResolver
from fp_rpc.identity.caller import AUDIENCE
from fp_rpc.identity.ended import EndedIdentities
from fp_rpc.identity.withdrawals import SIGNING_KEY, Withdrawals

from fp_auth.adapters.keyring import Keyring
from fp_auth.app.validate_token import ResolveApiKey
from fp_auth.domain.claims import Claims


class ApiKeyIdentity:
    """Not cached: the database is next door, and a key that is revoked here is refused here at once."""

    def __init__(self, resolve_key: ResolveApiKey) -> None:
        self._resolve_key = resolve_key

    async def resolve(self, credential: str, *, audience: str = AUDIENCE) -> Principal:
        if audience != AUDIENCE:
            raise Unauthenticated("an API key proves no address", reason="API_KEY_INVALID")
        claims = await self._resolve_key(credential)
        return Principal(
            user_id=claims.subject,
            team=claims.team,
            role=claims.role,
            scopes=claims.scopes,
            expires_at=claims.expires_at.timestamp() if claims.expires_at else math.inf,
            email=claims.email,
            name=claims.name,
            token_id=claims.token_id,
            api_key_id=claims.api_key_id,
            key_limits=claims.key_limits,
        )


class JwtVerifier:
    """The verification that every service does, over the keyring instead of the published keys."""

    def __init__(self, resolver: IdentityResolver) -> None:
        self._resolver = resolver

    async def verify(self, token: str) -> Claims:
        """Raises Unauthenticated."""
        principal = await self._resolver.resolve(token)
        return Claims(
            subject=principal.user_id,
            team=principal.team,
            role=principal.role,
            scopes=principal.scopes,
            issued_at=_moment(principal.issued_at),
            expires_at=_moment(principal.expires_at),
            token_id=principal.token_id,
            email=principal.email,
            name=principal.name,
            execution_id=principal.execution_id,
            service=principal.service,
            session_id=principal.session_id,
        )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


class OwnIdentities(EndedIdentities):
    """Also takes the next signing key when one was withdrawn: what this replica signed with it would be refused."""

    def __init__(self, withdrawals: Withdrawals, keyring: Keyring) -> None:
        super().__init__(withdrawals)
        self._keyring = keyring

    async def heed(self, payload: object) -> None:
        await super().heed(payload)
        if isinstance(payload, IdentityEnded) and payload.kind == SIGNING_KEY:
            await self._keyring.reload()
