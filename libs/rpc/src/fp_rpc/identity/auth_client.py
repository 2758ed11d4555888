"""How every service but auth resolves the credentials of its callers: with auth's keys, and by asking auth."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc
from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from fp_kernel import Principal
from fp_kernel.identity import SERVICE_ROLE

from fp_rpc.identity.access_tokens import JwtResolver
from fp_rpc.identity.api_keys import ApiKeyResolver
from fp_rpc.identity.caller import CredentialResolver
from fp_rpc.identity.jwks import HttpJwks
from fp_rpc.times import seconds_of

JWKS_PATH: Final = "/.well-known/jwks.json"


def auth_validator(auth: grpc.aio.Channel) -> Callable[[str], Awaitable[Principal]]:
    """Asks auth for the principal of a credential. auth: a channel with the service's own identity."""
    stub: Any = auth_pb2_grpc.AuthServiceStub(auth)

    async def validate(credential: str) -> Principal:
        response = await stub.ValidateToken(auth_pb2.ValidateTokenRequest(token=credential))
        return principal_of(response.claims)

    return validate


def principal_of(claims: auth_pb2.TokenClaims) -> Principal:
    return Principal(
        user_id=claims.user_id,
        team=claims.team,
        role=claims.role,
        scopes=frozenset(claims.scopes),
        expires_at=seconds_of(claims.exp) if claims.HasField("exp") else float("inf"),
        email=claims.email,
        name=claims.name,
        token_id=claims.jti,
        api_key_id=claims.api_key_id,
        execution_id=claims.execution_id,
        service=claims.user_id if claims.role == SERVICE_ROLE else "",
    )


def remote_identity(issuer: str, auth: grpc.aio.Channel) -> tuple[CredentialResolver, ApiKeyResolver]:
    """Tokens against the issuer's published keys, API keys through auth.

    issuer: URL of auth's HTTP address. Also returns the resolver of API keys, for revoked ones to be dropped from it.
    """
    keys = ApiKeyResolver(auth_validator(auth))
    return CredentialResolver(JwtResolver(issuer, HttpJwks(f"{issuer}{JWKS_PATH}")), keys), keys
