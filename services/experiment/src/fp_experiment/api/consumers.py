"""Which event triggers what."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fp_events import Event, durable, each

from fp_experiment.api import stories
from fp_experiment.app.ingest import Ingest
from fp_experiment.app.ports import ToldStory
from fp_experiment.domain.lineage import Story

LINEAGE = durable("experiment")

__all__ = ["LINEAGE", "STORIES", "story_of", "tell_lineage"]

STORIES: Mapping[str, Callable[[Event, Any], Story]] = {
    "fp.models.registered": stories.registered,
    "fp.models.version.created": stories.created,
    "fp.models.version.ready": stories.ready,
    "fp.models.promoted": stories.promoted,
    "fp.models.archived": stories.archived,
    "fp.models.restored": stories.restored,
    "fp.models.drift.detected": stories.drifted,
    "fp.pipelines.started": stories.started,
    "fp.pipelines.step.completed": stories.step,
    "fp.pipelines.completed": stories.ended,
    "fp.pipelines.failed": stories.ended,
    "fp.pipelines.model.deployed": stories.deployed,
    "fp.pipelines.model.undeployed": stories.undeployed,
    "fp.features.view.defined": stories.defined,
    "fp.features.written": stories.written,
}


def story_of(event: Event) -> Story:
    """Nothing for an event that lineage does not know, by its type or by its payload."""
    tell = STORIES.get(event.type) if event.known else None
    return tell(event, event.payload) if tell else Story()


def tell_lineage(ingest: Ingest) -> Callable[..., Awaitable[None]]:
    """`LINEAGE` -> the backlog: each is acknowledged when the batch that holds it is committed."""

    async def handle(event: Event) -> None:
        story = story_of(event)
        if event.team and story.rows:
            await ingest.patiently(ToldStory(event.team, event.id, story))

    # All of one pull wait together, so that they share a batch.
    return each(handle, concurrency=LINEAGE.batch)
