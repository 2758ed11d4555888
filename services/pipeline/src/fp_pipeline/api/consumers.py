"""Which event triggers what."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from forgepoint.events.v1 import events_pb2
from fp_events import Broadcast, Event, Poison
from fp_events.consumers import PIPELINE as LOOP
from fp_events.consumers import PIPELINE_CANARY as REQUESTS
from google.protobuf.timestamp_pb2 import Timestamp

from fp_pipeline.api.documents import from_struct
from fp_pipeline.app.count_requests import CountRequests
from fp_pipeline.app.retrain import DriftReport, Retrain
from fp_pipeline.app.undeploy_archived import UndeployArchived
from fp_pipeline.domain.statistics import ANSWERED, Request

__all__ = ["API_KEYS", "LOOP", "REQUESTS", "count", "follow"]

DRIFT_DETECTED = "fp.models.drift.detected"
MODEL_ARCHIVED = "fp.models.archived"
COMPLETED = "fp.inference.completed"
FAILED = "fp.inference.failed"

# Every process forgets an API key that has ended.
API_KEYS = Broadcast("pipeline-api-keys", ("fp.auth.apikey.rotated", "fp.auth.apikey.revoked"))

_MILLI, _NANO = 1e3, 1e6


def follow(retrain: Retrain, undeploy: UndeployArchived) -> Callable[[Event], Awaitable[None]]:
    """`LOOP` -> a retraining, or the end of what an archived model serves."""

    async def handle(event: Event) -> None:
        match event.payload:
            case events_pb2.ModelDriftDetected() as drift:
                report = _report(event, drift)
                if report is not None:
                    await retrain(report)
            case events_pb2.ModelArchived() as archived:
                await undeploy(event.team, archived.model_id, archived.model_name, archived.archived_by)
            case _:
                pass

    return handle


def count(record: CountRequests) -> Callable[[Sequence[Event]], Awaitable[None]]:
    """`REQUESTS` -> the statistics of versions, one transaction a batch."""

    async def handle(events: Sequence[Event]) -> None:
        await record([request for event in events if (request := _request(event)) is not None])

    return handle


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


def _request(event: Event) -> Request | None:
    """None for a request that never reached a version."""
    match event.payload:
        case events_pb2.InferenceCompleted() as done:
            at, outcome = _moment(event, done.completed_at), ANSWERED
            latency = done.latency.seconds * _MILLI + done.latency.nanos / _NANO or float(done.latency_ms)
        case events_pb2.InferenceFailed() as failed:
            at, outcome = _moment(event, failed.failed_at), _reason(failed.reason)
            latency = 0.0
        case _:
            return None
    model, version = event.payload.model_name, event.payload.version
    if not version or not model or not event.team:
        return None
    return Request(event.id, event.team, model, version, at, outcome, latency)


def _reason(reason: int) -> str:
    if reason not in events_pb2.InferenceFailureReason.values():
        return "UNKNOWN"
    name = events_pb2.InferenceFailureReason.Name(events_pb2.InferenceFailureReason.ValueType(reason))
    return name.removeprefix("INFERENCE_FAILURE_REASON_")


def _moment(event: Event, moment: Timestamp) -> datetime:
    """When it happened, as the payload says, else as the envelope does."""
    if not moment.seconds:
        return event.time
    try:
        return moment.ToDatetime(UTC)
    except (ValueError, OverflowError):
        raise Poison("the event's time is no time") from None
