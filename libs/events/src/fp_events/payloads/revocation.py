"""API keys that have ended, forgotten by every process that remembers them."""

from collections.abc import Callable

from forgepoint.events.v1.events_pb2 import ApiKeyRevoked, ApiKeyRotated

from fp_events.bus import EventHandler
from fp_events.message.event import Event


def ended_keys(drop: Callable[[str], None]) -> EventHandler:
    """The handler of a broadcast of `fp.auth.apikey.rotated` and `.revoked`: `drop` gets the id of each key whose end
    is near or here, so that the next call with it asks auth.
    """

    async def handle(event: Event) -> None:
        if isinstance(event.payload, ApiKeyRevoked):
            drop(event.payload.key_id)
        elif isinstance(event.payload, ApiKeyRotated) and event.payload.replaced_key_id:
            drop(event.payload.replaced_key_id)

    return handle
