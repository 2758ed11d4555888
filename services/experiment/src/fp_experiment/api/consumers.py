"""Which event triggers what."""

from collections.abc import Awaitable, Callable

from forgepoint.events.v1 import events_pb2
from fp_events import Broadcast, Event, each
from fp_events.consumers import EXPERIMENT as LINEAGE
from fp_rpc import ApiKeyResolver

from fp_experiment.api.stories import story_of
from fp_experiment.app.ingest import Ingest
from fp_experiment.app.ports import ToldStory

__all__ = ["API_KEYS", "LINEAGE", "drop_keys", "tell_lineage"]

API_KEYS = Broadcast("experiment-api-keys", ("fp.auth.apikey.revoked",))


def tell_lineage(ingest: Ingest) -> Callable[..., Awaitable[None]]:
    """`LINEAGE` -> the backlog: each is acknowledged when the batch that holds it is committed."""

    async def handle(event: Event) -> None:
        story = story_of(event)
        if event.team and story.rows:
            await ingest.patiently(ToldStory(event.team, event.id, story))

    # All of one pull wait together, so that they share a batch.
    return each(handle, concurrency=LINEAGE.batch)


def drop_keys(keys: ApiKeyResolver) -> Callable[[Event], Awaitable[None]]:
    """`API_KEYS` -> the cache of verified keys, in every process."""

    async def handle(event: Event) -> None:
        if isinstance(event.payload, events_pb2.ApiKeyRevoked):
            keys.drop(event.payload.key_id)

    return handle
