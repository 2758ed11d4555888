"""Which event triggers what."""

from collections.abc import Awaitable, Callable, Sequence

from fp_events import Event, durable

from fp_registry.app.project import FollowModels

MODELS = durable("registry")

__all__ = ["MODELS", "follow_models"]

# The service's own events feed its projection; events of other services about models, such as drift, change nothing.
_OWN = frozenset(
    {
        "fp.models.registered",
        "fp.models.version.created",
        "fp.models.version.ready",
        "fp.models.promoted",
        "fp.models.archived",
        "fp.models.restored",
    }
)

# Every process forgets an API key that has ended.


def follow_models(follow: FollowModels) -> Callable[[Sequence[Event]], Awaitable[None]]:
    """`MODELS` -> the projection, once for each model of a batch."""

    async def handle(events: Sequence[Event]) -> None:
        await follow([(event.team, event.resource_id) for event in events if event.type in _OWN])

    return handle
