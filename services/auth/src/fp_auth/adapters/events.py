"""Domain events as events of the bus."""

from forgepoint.events.v1 import events_pb2
from fp_events import Event
from fp_rpc.times import to_timestamp

from fp_auth.domain.events import ApiKeyIssued, ApiKeyRevoked, DomainEvent, UserCreated

USER_CREATED = "fp.auth.user.created"
API_KEY_ROTATED = "fp.auth.apikey.rotated"
API_KEY_REVOKED = "fp.auth.apikey.revoked"


def to_event(event: DomainEvent) -> Event:
    if isinstance(event, UserCreated):
        return _user_created(event)
    if isinstance(event, ApiKeyIssued):
        return _api_key_issued(event)
    return _api_key_revoked(event)


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
        summary=f"User {user.name} joined team {user.team}.",
        actor=event.actor,
        time=user.created_at,
    )


def _api_key_issued(event: ApiKeyIssued) -> Event:
    key = event.key
    payload = events_pb2.ApiKeyRotated(
        key_id=key.id,
        user_id=key.user_id,
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
        key_id=key.id, user_id=key.user_id, key_prefix=key.prefix, revoked_at=to_timestamp(event.revoked_at)
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
