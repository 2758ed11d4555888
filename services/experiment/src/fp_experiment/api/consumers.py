"""Which event triggers what."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fp_events import Event, durable, each

from fp_experiment.api import event_lineage
from fp_experiment.app.ingest import Ingest
from fp_experiment.app.ports import LineageEntry
from fp_experiment.domain.lineage import LineageRecord

LINEAGE = durable("experiment")

__all__ = ["LINEAGE", "READERS", "lineage_of", "record_lineage"]

READERS: Mapping[str, Callable[[Event, Any], LineageRecord]] = {
    "fp.models.registered": event_lineage.registered,
    "fp.models.version.created": event_lineage.created,
    "fp.models.version.ready": event_lineage.ready,
    "fp.models.promoted": event_lineage.promoted,
    "fp.models.archived": event_lineage.archived,
    "fp.models.restored": event_lineage.restored,
    "fp.models.drift.detected": event_lineage.drifted,
    "fp.pipelines.started": event_lineage.started,
    "fp.pipelines.step.completed": event_lineage.step,
    "fp.pipelines.completed": event_lineage.ended,
    "fp.pipelines.failed": event_lineage.ended,
    "fp.pipelines.model.deployed": event_lineage.deployed,
    "fp.pipelines.model.undeployed": event_lineage.undeployed,
    "fp.features.view.defined": event_lineage.defined,
    "fp.features.written": event_lineage.written,
}


def lineage_of(event: Event) -> LineageRecord:
    """Nothing for an event that lineage does not know, by its type or by its payload."""
    read = READERS.get(event.type) if event.known else None
    return read(event, event.payload) if read else LineageRecord()


def record_lineage(ingest: Ingest) -> Callable[..., Awaitable[None]]:
    """`LINEAGE` -> the backlog: each is acknowledged when the batch that holds it is committed."""

    async def handle(event: Event) -> None:
        record = lineage_of(event)
        if event.team and record.rows:
            await ingest.patiently(LineageEntry(event.team, event.id, record))

    # All of one pull wait together, so that they share a batch.
    return each(handle, concurrency=LINEAGE.batch)
