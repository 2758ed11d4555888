"""Domain events as events of the bus."""

from forgepoint.auth.v1 import sign_in_pb2
from forgepoint.events.v1 import events_pb2
from fp_events import Event, Severity
from fp_events.payloads.audit import RECORDED
from fp_rpc.times import to_timestamp

from fp_auth.domain.events import (
    ApiKeyIssued,
    ApiKeyRevoked,
    DomainEvent,
    IdentityEnded,
    IdentityRestored,
    RoleKept,
    UserCreated,
)

USER_CREATED = "fp.auth.user.created"
API_KEY_ROTATED = "fp.auth.apikey.rotated"
API_KEY_REVOKED = "fp.auth.apikey.revoked"
IDENTITY_ENDED = "fp.auth.identity.ended"
IDENTITY_RESTORED = "fp.auth.identity.restored"
_ROLE_KEPT = "ROLE_KEPT"
_SIGN_IN = sign_in_pb2.DESCRIPTOR.services_by_name["SignInService"]


def to_event(event: DomainEvent) -> Event:
    match event:
        case UserCreated():
            return _user_created(event)
        case ApiKeyIssued():
            return _api_key_issued(event)
        case ApiKeyRevoked():
            return _api_key_revoked(event)
        case IdentityEnded():
            return _identity_ended(event)
        case IdentityRestored():
            return _identity_restored(event)
        case RoleKept():
            return _role_kept(event)


def _user_created(event: UserCreated) -> Event:
    user = event.user
    payload = events_pb2.UserCreated(
        user_id=user.id,
        email=user.email,
        name=user.name,
        team=user.team,
        role=user.role,
        created_at=to_timestamp(user.created_at),
    )
    return Event(
        type=USER_CREATED,
        payload=payload,
        team=user.team,
        resource_id=user.id,
        summary=f"User {user.id} joined team {user.team}.",
        actor=event.actor,
        time=user.created_at,
    )


def _api_key_issued(event: ApiKeyIssued) -> Event:
    key = event.key
    payload = events_pb2.ApiKeyRotated(
        key_id=key.id,
        user_id=key.owner,
        key_prefix=key.prefix,
        scopes=sorted(key.scopes),
        replaced_key_id=event.replaced_key_id,
        rotated_at=to_timestamp(key.created_at),
    )
    what = "replaces another one" if event.replaced_key_id else "was issued"
    return Event(
        type=API_KEY_ROTATED,
        payload=payload,
        team=key.team,
        resource_id=key.id,
        summary=f"API key {key.prefix}... {what}.",
        actor=event.actor,
        time=key.created_at,
    )


def _api_key_revoked(event: ApiKeyRevoked) -> Event:
    key = event.key
    payload = events_pb2.ApiKeyRevoked(
        key_id=key.id, user_id=key.owner, key_prefix=key.prefix, revoked_at=to_timestamp(event.revoked_at)
    )
    return Event(
        type=API_KEY_REVOKED,
        payload=payload,
        team=key.team,
        resource_id=key.id,
        summary=f"API key {key.prefix}... was revoked.",
        actor=event.actor,
        time=event.revoked_at,
    )


def _identity_ended(event: IdentityEnded) -> Event:
    ended = event.withdrawal
    payload = events_pb2.IdentityEnded(
        kind=ended.kind,
        id=ended.id,
        revision=ended.revision,
        before=to_timestamp(ended.before),
        spared_session_id=ended.spared_session,
        until=to_timestamp(ended.until),
        reason=event.reason,
    )
    return Event(
        type=IDENTITY_ENDED,
        payload=payload,
        team=event.team,
        resource_id=ended.id,
        summary=f"{_named(ended.kind)} {ended.id}: {event.reason.replace('_', ' ')}.",
        actor=event.actor,
        time=event.ended_at,
    )


def _identity_restored(event: IdentityRestored) -> Event:
    restored = event.withdrawal
    payload = events_pb2.IdentityRestored(
        kind=restored.kind,
        id=restored.id,
        revision=restored.revision,
        before=to_timestamp(restored.before),
        until=to_timestamp(restored.until),
    )
    return Event(
        type=IDENTITY_RESTORED,
        payload=payload,
        team=event.team,
        resource_id=restored.id,
        summary=f"{_named(restored.kind)} {restored.id} may come in again.",
        actor=event.actor,
        time=event.restored_at,
    )


def _role_kept(event: RoleKept) -> Event:
    """An entry of the audit log."""
    user = event.user
    payload = events_pb2.AuditRecorded(
        method=f"/{_SIGN_IN.full_name}/CompleteSignIn",
        actor_id=user.id,
        actor_role=user.role,
        status=_ROLE_KEPT,
        resource_id=user.id,
        occurred_at=to_timestamp(event.at),
    )
    return Event(
        type=RECORDED,
        payload=payload,
        team=user.team,
        resource_id=user.id,
        summary=f"The mapping of a provider names {event.wanted} for {user.id}, who is the last {user.role}.",
        actor=user.id,
        severity=Severity.WARNING,
        time=event.at,
    )


def _named(kind: str) -> str:
    return kind.replace("_", " ").capitalize()
