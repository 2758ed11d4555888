"""Who calls: the credential and the headers of a call, and the principal that they make."""

import hmac
import math
import string
from collections.abc import Mapping
from typing import Final, Protocol
from urllib.parse import quote, unquote

from fp_kernel import Error, PermissionDenied, Principal, Unauthenticated, invalid
from fp_kernel.identity import SERVICE_ROLE

from fp_rpc import headers
from fp_rpc.identity.withdrawals import Withdrawals

API_KEY_PREFIX: Final = "fp_"
AUDIENCE: Final = "forgepoint"
"""Of credentials that call."""
ADDRESS_AUDIENCE: Final = "forgepoint-client-address"
"""Of a token that proves who says a client's address, and that calls nothing."""
# gRPC headers are printable ASCII; team names are free text: what lies outside is escaped, and so is the escape.
_PLAIN: Final = string.ascii_letters + string.digits + string.punctuation.replace("%", "")
_LONGEST: Final = 1_024
# Marks an error that is about the credential with which the call itself came.
_CREDENTIAL: Final = "credential"
_BEARER: Final = "bearer"
EDGE: Final = "edge"
"""Noun of the edge, which serves no RPC and calls nobody."""
_EDGE: Final = Principal(
    user_id=EDGE, team="", role=SERVICE_ROLE, scopes=frozenset(), expires_at=math.inf, service=EDGE
)


class IdentityResolver(Protocol):
    """Verifies credentials: access tokens and API keys."""

    async def resolve(self, credential: str, *, audience: str = AUDIENCE) -> Principal:
        """Who holds this credential, which is meant for this audience.

        Raises Unauthenticated for a credential that is not valid, Unavailable when that cannot be checked now.
        """
        ...


class CredentialResolver:
    """Picks the resolver by the credential's form: `fp_...` is an API key, anything else a token.

    withdrawals: what of the credentials that verify has ended all the same.
    edge_proof: what the edge tells this service and nobody else, as the proof that an address comes from it; empty
    where there is no edge.
    """

    def __init__(
        self, jwt: IdentityResolver, keys: IdentityResolver, withdrawals: Withdrawals, edge_proof: str = ""
    ) -> None:
        self._jwt = jwt
        self._keys = keys
        self._edge_proof = edge_proof.encode()
        self.withdrawals = withdrawals

    async def resolve(self, credential: str, *, audience: str = AUDIENCE) -> Principal:
        if audience == ADDRESS_AUDIENCE and self._is_edge(credential):
            return _EDGE
        resolver = self._keys if credential.startswith(API_KEY_PREFIX) else self._jwt
        principal = await resolver.resolve(credential, audience=audience)
        await self.withdrawals.check(principal)
        return principal

    def _is_edge(self, credential: str) -> bool:
        return bool(self._edge_proof) and hmac.compare_digest(credential.encode(), self._edge_proof)


async def identify(resolver: IdentityResolver, metadata: Mapping[str, str]) -> Principal:
    """Who makes a call with these headers, and for which team and user.

    Raises Unauthenticated, marked as being about the bearer credential, when there is no valid one;
    PermissionDenied when anyone but a service acts on behalf of others.
    """
    try:
        principal = await resolver.resolve(_bearer(metadata))
    except Unauthenticated as refused:
        raise of_bearer(refused) from None
    return on_behalf_of(principal, metadata)


def on_behalf_headers(team: str, user_id: str) -> list[tuple[str, str]]:
    """The headers of a service that acts for a team; none when there is no team."""
    if not team:
        return []
    pairs = [(headers.TEAM, quote(team, safe=_PLAIN))]
    if user_id:
        pairs.append((headers.USER, quote(user_id, safe=_PLAIN)))
    return pairs


def of_bearer(error: Unauthenticated) -> Unauthenticated:
    """The error, marked as being about the credential that the call itself came with.

    Without the mark it is about something in the request, such as the API key that auth is asked about.
    """
    error.metadata[_CREDENTIAL] = _BEARER
    return error


def refuses_bearer(error: Error) -> bool:
    return isinstance(error, Unauthenticated) and error.metadata.get(_CREDENTIAL) == _BEARER


def _bearer(metadata: Mapping[str, str]) -> str:
    """The credential of the authorization header."""
    header = metadata.get(headers.AUTHORIZATION)
    if not header:
        raise Unauthenticated("a bearer credential is required", reason="CREDENTIAL_MISSING")
    scheme, _, credential = header.partition(" ")
    if scheme.lower() != "bearer" or not credential:
        raise Unauthenticated("authorization must be `Bearer <credential>`", reason="CREDENTIAL_MALFORMED")
    return credential.strip()


def on_behalf_of(principal: Principal, metadata: Mapping[str, str]) -> Principal:
    """The principal as the headers make it: the same one when there are none.

    Raises PermissionDenied when anyone but a service sends them, InvalidArgument for a user without a team.
    """
    if headers.TEAM not in metadata and headers.USER not in metadata:
        return principal
    if not principal.is_service:
        raise PermissionDenied("only services may act on behalf of others", reason="ON_BEHALF_OF")
    team = unquote(metadata.get(headers.TEAM, ""))
    user_id = unquote(metadata.get(headers.USER, ""))
    if not team or len(team) > _LONGEST or len(user_id) > _LONGEST:
        raise invalid(headers.TEAM, "must name the team that the service acts for")
    return principal.on_behalf_of(team, user_id)
