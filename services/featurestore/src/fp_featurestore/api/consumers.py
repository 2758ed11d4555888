"""Which event triggers what."""

from collections.abc import Awaitable, Callable

from forgepoint.events.v1 import events_pb2
from fp_events import Broadcast, Event
from fp_rpc import ApiKeyResolver

API_KEYS = Broadcast("featurestore-api-keys", ("fp.auth.apikey.revoked",))


def drop_keys(keys: ApiKeyResolver) -> Callable[[Event], Awaitable[None]]:
    """`API_KEYS` -> the cache of verified keys, in every process."""

    async def handle(event: Event) -> None:
        if isinstance(event.payload, events_pb2.ApiKeyRevoked):
            keys.drop(event.payload.key_id)

    return handle
