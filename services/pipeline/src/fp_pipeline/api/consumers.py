"""Which event triggers what."""

from collections.abc import Awaitable, Callable, Sequence

from forgepoint.events.v1 import events_pb2
from fp_events import Event, Missed, Poison, durable

from fp_pipeline.api.structs import from_struct
from fp_pipeline.api.tries import tries
from fp_pipeline.app.count_requests import CountRequests, NoteGap
from fp_pipeline.app.retrain import DriftReport, Retrain
from fp_pipeline.app.undeploy_archived import UndeployArchived
from fp_pipeline.domain.statistics import Gap

LOOP = durable("pipeline")
REQUESTS = durable("pipeline-canary")

__all__ = ["LOOP", "REQUESTS", "count", "follow", "lost"]

RECORDED = "fp.inference.recorded"
COMPLETED = "fp.inference.completed"
FAILED = "fp.inference.failed"
DRIFT_DETECTED = "fp.models.drift.detected"
MODEL_ARCHIVED = "fp.models.archived"

# Every process forgets an API key that has ended.


def follow(retrain: Retrain, undeploy: UndeployArchived) -> Callable[[Event], Awaitable[None]]:
    """`LOOP` -> a retraining, or the end of what an archived model serves."""

    async def handle(event: Event) -> None:
        match event.payload:
            case events_pb2.ModelDriftDetected() as drift:
                report = _report(event, drift)
                if report is not None:
                    await retrain(report)
            case events_pb2.ModelArchived() as archived:
                at = event.time_of(archived.archived_at)
                await undeploy(event.team, archived.model_id, archived.model_name, at, archived.archived_by)
            case _:
                pass

    return handle


def count(record: CountRequests) -> Callable[[Sequence[Event]], Awaitable[None]]:
    """`REQUESTS` -> the statistics of versions, one transaction a batch."""

    async def handle(events: Sequence[Event]) -> None:
        await record([each for event in events for each in tries(event)])

    return handle


def lost(note: NoteGap) -> Callable[[Missed], Awaitable[None]]:
    """What the bus dropped before `REQUESTS` had it -> a gap, before anything behind it is counted."""

    async def hook(missed: Missed) -> None:
        await note(Gap(missed.since, missed.until, missed.events))

    return hook


def _report(event: Event, drift: events_pb2.ModelDriftDetected) -> DriftReport | None:
    """None for what informs only. Raises Poison for a report that could be answered twice."""
    wanted = drift.auto_retrain and bool(drift.retrain_pipeline_id)
    if not wanted or drift.severity != events_pb2.DRIFT_SEVERITY_CRITICAL:
        return None
    if not drift.report_id:
        raise Poison("the event does not say which report it is about")
    return DriftReport(
        team=event.team,
        report_id=drift.report_id,
        pipeline_id=drift.retrain_pipeline_id,
        context=from_struct(drift.retrain_context, "retrain_context"),
        event_id=event.id,
        correlation_id=event.correlation_id,
        trace=event.trace,
    )
