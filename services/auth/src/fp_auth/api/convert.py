"""Between messages and values."""

from collections.abc import Callable
from urllib.parse import unquote

from forgepoint.auth.v1 import auth_pb2, people_pb2
from fp_kernel import Page, Principal
from fp_rpc import current_call
from fp_rpc.pagination import page_response
from fp_rpc.times import to_timestamp

from fp_auth.app.create_api_key import IssuedKey
from fp_auth.app.exchange_service_token import IssuedToken
from fp_auth.app.links import Delivery
from fp_auth.app.session import Session
from fp_auth.domain.api_keys import ApiKey
from fp_auth.domain.claims import Claims
from fp_auth.domain.users import User

_MAX_SECONDS = 100 * 366 * 24 * 3600


def ip_address(peer: str) -> str:
    """The address in gRPC's name of a peer, with or without its port (`ipv4:10.0.0.7:41234`); empty without one."""
    family, _, rest = unquote(peer).partition(":")
    if family == "ipv6":
        return rest.partition("]")[0].removeprefix("[")
    return rest.partition(":")[0] if family == "ipv4" else ""


def caller_address() -> str:
    """Where the caller of the current call is, as text; empty when nobody knows."""
    call = current_call()
    return ip_address(call.client_address or call.peer)


def visible_teams() -> Callable[[str], bool]:
    """Whether the caller of the current call may touch users of a team."""
    call = current_call()
    return lambda team: call.may_cross_team or team == call.team


def user_to_pb(user: User) -> auth_pb2.User:
    return auth_pb2.User(
        id=user.id,
        email=user.email,
        name=user.name,
        team=user.team,
        role=user.role,
        created_at=to_timestamp(user.created_at),
        disabled_at=to_timestamp(user.disabled_at),
        email_verified=user.email_verified,
    )


def user_to_principal(user: User) -> Principal:
    """Who an audit record names. It grants nothing."""
    return Principal(user_id=user.id, team=user.team, role=user.role, scopes=frozenset(), expires_at=0.0)


def api_key_to_pb(key: ApiKey) -> auth_pb2.APIKey:
    return auth_pb2.APIKey(
        id=key.id,
        key_prefix=key.prefix,
        user_id=key.user_id,
        scopes=sorted(key.scopes),
        expires_at=to_timestamp(key.expires_at),
        created_at=to_timestamp(key.created_at),
        revoked_at=to_timestamp(key.revoked_at),
        last_used_at=to_timestamp(key.last_used_at),
        name=key.name,
        created_by_key_id=key.created_by_key,
        service_account_id=key.service_account,
        predictions_per_second=key.limits.predictions_per_second,
        predictions_in_flight=key.limits.predictions_in_flight,
    )


def claims_to_pb(claims: Claims) -> auth_pb2.TokenClaims:
    return auth_pb2.TokenClaims(
        user_id=claims.subject,
        email=claims.email,
        team=claims.team,
        role=claims.role,
        scopes=sorted(claims.scopes),
        exp=to_timestamp(claims.expires_at),
        iat=to_timestamp(claims.issued_at),
        name=claims.name,
        jti=claims.token_id,
        api_key_id=claims.api_key_id,
        execution_id=claims.execution_id,
        session_id=claims.session_id,
        predictions_per_second=claims.key_limits.predictions_per_second,
        predictions_in_flight=claims.key_limits.predictions_in_flight,
    )


def login_to_pb(session: Session) -> auth_pb2.LoginResponse:
    return auth_pb2.LoginResponse(
        access_token=session.access_token,
        expires_at=to_timestamp(session.expires_at),
        user=user_to_pb(session.user),
        refresh_token=session.refresh_token,
        refresh_expires_at=to_timestamp(session.refresh_expires_at),
    )


def refresh_to_pb(session: Session) -> auth_pb2.RefreshTokenResponse:
    return auth_pb2.RefreshTokenResponse(
        access_token=session.access_token,
        expires_at=to_timestamp(session.expires_at),
        user=user_to_pb(session.user),
        refresh_token=session.refresh_token,
        refresh_expires_at=to_timestamp(session.refresh_expires_at),
    )


def created_user_to_pb(user: User) -> auth_pb2.CreateUserResponse:
    return auth_pb2.CreateUserResponse(user=user_to_pb(user))


def created_key_to_pb(issued: IssuedKey) -> auth_pb2.CreateAPIKeyResponse:
    return auth_pb2.CreateAPIKeyResponse(raw_key=issued.raw_key, api_key=api_key_to_pb(issued.key))


def rotated_key_to_pb(issued: IssuedKey) -> auth_pb2.RotateAPIKeyResponse:
    return auth_pb2.RotateAPIKeyResponse(raw_key=issued.raw_key, api_key=api_key_to_pb(issued.key))


def users_to_pb(page: Page[User]) -> auth_pb2.ListUsersResponse:
    return auth_pb2.ListUsersResponse(
        users=[user_to_pb(user) for user in page.items], pagination=page_response(page.next_token)
    )


def api_keys_to_pb(page: Page[ApiKey]) -> auth_pb2.ListAPIKeysResponse:
    return auth_pb2.ListAPIKeysResponse(
        api_keys=[api_key_to_pb(key) for key in page.items], pagination=page_response(page.next_token)
    )


def service_token_to_pb(issued: IssuedToken) -> auth_pb2.ExchangeServiceTokenResponse:
    return auth_pb2.ExchangeServiceTokenResponse(
        access_token=issued.access_token, expires_at=to_timestamp(issued.expires_at)
    )


def job_token_to_pb(issued: IssuedToken) -> auth_pb2.IssueJobTokenResponse:
    return auth_pb2.IssueJobTokenResponse(access_token=issued.access_token, expires_at=to_timestamp(issued.expires_at))


def delivery_to_pb(delivery: Delivery) -> people_pb2.LinkDelivery:
    return people_pb2.LinkDelivery(
        mailed=delivery.mailed, link=delivery.link, expires_at=to_timestamp(delivery.expires_at)
    )
