"""Predictions as parts of a batch event."""

from forgepoint.common.v1.common_pb2 import ErrorDetail
from forgepoint.events.v1 import events_pb2 as pb
from fp_kernel.signatures import UNDECLARED, Signature
from fp_kernel.times import seconds_and_nanos
from fp_telemetry import correlation_id, inject

from fp_inference.adapters.made import Attempt, Made, attempt_of
from fp_inference.adapters.spool.records import Report
from fp_inference.app.values import Ask, Failed
from fp_inference.domain.failures import FailureReason
from fp_inference.domain.sampled_rows import SampledRows, sampled_rows
from fp_inference.domain.summary import features, outcome, rows

RECORDED = "fp.inference.recorded"
COUNTED = "fp.inference.counted"
LOGGED = "fp.inference.logged"
SOURCE = "inference"
_LONGEST_TEXT = 256
_NANOS = 1_000_000_000


def completed_part(made: Made, signature: Signature) -> Report:
    """signature: of the version."""
    payload = _payload(made)
    _summarise(payload, made, signature)
    return _report(made, payload.SerializeToString())


def bare_part(made: Made, summaries: bytes = b"") -> Report:
    """Without a summary, or with one that is encoded as fields of the payload."""
    return _report(made, _payload(made).SerializeToString() + summaries)


def _payload(made: Made) -> pb.InferenceCompleted:
    payload = pb.InferenceCompleted(
        request_id=made.request_id,
        model_id=made.model_id,
        model_name=made.model_name,
        version=made.version,
        api_key_id=made.api_key_id,
        is_canary=made.is_canary,
        latency_ms=round(made.nanos / 1e6),
        attempts=map(_attempt, made.attempts),
        rows=made.rows,
        correlation_id=made.correlation_id,
        traceparent=made.traceparent,
        actor=made.actor,
    )
    payload.latency.seconds, payload.latency.nanos = divmod(made.nanos, _NANOS)
    payload.completed_at.seconds, payload.completed_at.nanos = seconds_and_nanos(made.at)
    return payload


def _report(made: Made, payload: bytes) -> Report:
    return Report(
        made.team,
        made.model_id,
        made.model_name,
        made.version,
        failed=False,
        at=made.at,
        payload=payload,
        traceparent=made.traceparent,
        rows=made.rows or 1,
    )


def failed_part(failed: Failed) -> Report:
    """The version is that of the last call; none, when none was asked."""
    ask = failed.ask
    last = failed.tries[-1].target if failed.tries else None
    payload = pb.InferenceFailed(
        request_id=ask.request_id,
        model_id=failed.model_id,
        model_name=ask.model_name[:_LONGEST_TEXT],
        version=last.version if last else "",
        attempts=(_attempt(attempt_of(each, failed.canaries)) for each in failed.tries),
        rows=rows(ask.inputs, last.signature if last else UNDECLARED),
        api_key_id=ask.caller.api_key_id,
        reason=_reason(failed.reason),
        error=ErrorDetail(
            code=failed.error.reason,
            message=failed.error.message[:_LONGEST_TEXT],
            field=failed.error.fields[0].field[:_LONGEST_TEXT] if failed.error.fields else "",
        ),
    )
    payload.failed_at.FromDatetime(failed.at)
    _attribute(payload, ask)
    return Report(
        ask.caller.team,
        failed.model_id,
        payload.model_name,
        payload.version,
        failed=True,
        at=failed.at,
        payload=payload.SerializeToString(),
        traceparent=payload.traceparent,
    )


def _summarise(payload: pb.InferenceCompleted, made: Made, signature: Signature) -> None:
    seen = features(made.inputs, signature)
    said = outcome(made.outputs, signature)
    summary, inputs_summary = payload.prediction_summary, payload.feature_summary
    summary.top_label, summary.top_score = said.top_label, said.top_score
    summary.output_stats.update(said.stats)
    summary.output_cardinality = said.cardinality
    inputs_summary.feature_values.update(seen.numbers)
    inputs_summary.feature_count = seen.count
    inputs_summary.categorical_values.update(seen.categories)
    if made.rows > 1:
        sampled = sampled_rows(made.inputs, made.outputs, signature)
        if sampled is not None:
            payload.sampled_rows.CopyFrom(_rows(sampled))


def _rows(sampled: SampledRows) -> pb.SampledRows:
    numbers = (pb.FeatureColumn(name=name, numbers=values) for name, values in sampled.numbers.items())
    categories = (pb.FeatureColumn(name=name, categories=texts) for name, texts in sampled.categories.items())
    return pb.SampledRows(
        count=sampled.count, features=(*numbers, *categories), scores=sampled.scores, labels=sampled.labels
    )


def _attempt(made: Attempt) -> pb.InferenceAttempt:
    attempt = pb.InferenceAttempt(version=made.version, is_canary=made.is_canary)
    if made.failure is not None:
        attempt.failure = _reason(made.failure)
    attempt.latency.seconds, attempt.latency.nanos = divmod(made.nanos, _NANOS)
    return attempt


def _reason(reason: FailureReason) -> pb.InferenceFailureReason.ValueType:
    return pb.InferenceFailureReason.Value(f"INFERENCE_FAILURE_REASON_{reason.value}")


def _attribute(payload: pb.InferenceFailed, ask: Ask) -> None:
    """Whose call it was: the batch is nobody's."""
    trace: dict[str, str] = {}
    inject(trace)
    payload.correlation_id = correlation_id.get()
    payload.traceparent = trace.get("traceparent", "")
    payload.actor = ask.caller.api_key_id or ask.caller.user_id
