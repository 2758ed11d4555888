"""Predictions as events of the bus."""

from datetime import datetime

from forgepoint.common.v1.common_pb2 import ErrorDetail
from forgepoint.events.v1 import events_pb2 as pb
from fp_events import Event, Outgoing, outgoing
from fp_telemetry import correlation_id, inject
from google.protobuf.message import Message

from fp_inference.app.values import Ask, Completed, Failed
from fp_inference.domain.failures import FailureReason
from fp_inference.domain.request_ids import event_id
from fp_inference.domain.summary import features, outcome

COMPLETED = "fp.inference.completed"
FAILED = "fp.inference.failed"
SOURCE = "inference"
_LONGEST_TEXT = 256


def completed_event(completed: Completed) -> Outgoing:
    ask, target, prediction = completed.ask, completed.target, completed.prediction
    seen = features(ask.inputs, target.signature)
    said = outcome(prediction.outputs, target.signature)
    payload = pb.InferenceCompleted(
        request_id=ask.request_id,
        model_id=target.model_id,
        model_name=ask.model_name,
        version=target.version,
        api_key_id=ask.caller.api_key_id,
        is_canary=completed.is_canary,
        latency_ms=round(prediction.seconds * 1_000),
        prediction_summary=pb.PredictionSummary(
            top_label=said.top_label,
            top_score=said.top_score,
            output_stats=said.stats,
            output_cardinality=said.cardinality,
        ),
        feature_summary=pb.FeatureSummary(
            feature_values=seen.numbers, feature_count=seen.count, categorical_values=seen.categories
        ),
    )
    payload.latency.FromNanoseconds(round(prediction.seconds * 1e9))
    payload.completed_at.FromDatetime(completed.at)
    summary = f"Version {target.version} of {ask.model_name} answered a prediction."
    return _outgoing(ask, COMPLETED, payload, target.model_id, summary, at=completed.at)


def failed_event(failed: Failed) -> Outgoing:
    ask, target = failed.ask, failed.target
    payload = pb.InferenceFailed(
        request_id=ask.request_id,
        model_id=target.model_id if target else "",
        model_name=ask.model_name[:_LONGEST_TEXT],
        version=target.version if target else "",
        api_key_id=ask.caller.api_key_id,
        reason=_reason(failed.reason),
        error=ErrorDetail(
            code=failed.error.reason,
            message=failed.error.message[:_LONGEST_TEXT],
            field=failed.error.fields[0].field[:_LONGEST_TEXT] if failed.error.fields else "",
        ),
    )
    payload.failed_at.FromDatetime(failed.at)
    summary = f"A prediction of {ask.model_name[:_LONGEST_TEXT]} failed: {failed.reason}."
    model_id = target.model_id if target else ""
    return _outgoing(ask, FAILED, payload, model_id, summary, at=failed.at)


def _reason(reason: FailureReason) -> pb.InferenceFailureReason.ValueType:
    return pb.InferenceFailureReason.Value(f"INFERENCE_FAILURE_REASON_{reason.value}")


def _outgoing(ask: Ask, subject: str, payload: Message, model_id: str, summary: str, *, at: datetime) -> Outgoing:
    """The event with its derived id: told twice, it is the same for the bus and for every consumer."""
    trace: dict[str, str] = {}
    inject(trace)
    return outgoing(
        Event(
            subject,
            payload,
            ask.caller.team,
            model_id,
            summary,
            actor=ask.caller.api_key_id or ask.caller.user_id,
            id=event_id(subject, ask.request_id),
            source=SOURCE,
            time=at,
            correlation_id=correlation_id.get(),
            trace=trace,
        )
    )
