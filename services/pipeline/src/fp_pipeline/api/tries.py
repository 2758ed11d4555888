"""Who was asked for a prediction and what became of it, from the events of inference."""

from collections.abc import Iterator
from datetime import datetime

from forgepoint.events.v1 import events_pb2
from fp_events import Event
from fp_events.payloads.predictions import opened
from google.protobuf.duration_pb2 import Duration

from fp_pipeline.domain.statistics import ANSWERED, NO_ROWS, Try, asked, outcome_of

_MILLI, _NANO = 1e3, 1e6


def tries(event: Event) -> Iterator[Try]:
    """Every try that the event, or each prediction of a batch, names; numbered in their order.

    Raises Poison for a time that is none.
    """
    part = 0
    for prediction in opened(event):
        for model, version, at, outcome, latency_ms in _of(prediction):
            if version and prediction.team and model:
                yield Try(event.id, prediction.team, model, version, at, outcome, latency_ms, part)
                part += 1


def _of(event: Event) -> Iterator[tuple[str, str, datetime, str, float]]:
    """Model, version, time, outcome, latency in milliseconds."""
    match event.payload:
        case events_pb2.InferenceCompleted() as done:
            model, at, answer = done.model_name, event.time_of(done.completed_at), _answer(done)
            for each in done.attempts:
                yield model, each.version, at, _outcome(each, answer), _ms(each.latency)
            if not done.attempts:
                yield model, done.version, at, answer, _ms(done.latency) or float(done.latency_ms)
        case events_pb2.InferenceFailed() as failed:
            model, at = failed.model_name, event.time_of(failed.failed_at)
            for each in failed.attempts:
                yield model, each.version, at, _outcome(each, ANSWERED), _ms(each.latency)
            outcome = outcome_of(_reason(failed.reason))
            if not failed.attempts and outcome is not None:
                yield model, failed.version, at, outcome, 0.0
        case _:
            return


def _answer(done: events_pb2.InferenceCompleted) -> str:
    """Whether the version that answered said anything."""
    rows = done.prediction_summary.output_stats
    return NO_ROWS if "rows" in rows and rows["rows"] == 0 else ANSWERED


def _outcome(attempt: events_pb2.InferenceAttempt, answer: str) -> str:
    failed = attempt.failure != events_pb2.INFERENCE_FAILURE_REASON_UNSPECIFIED
    return asked(_reason(attempt.failure)) if failed else answer


def _reason(reason: int) -> str:
    if reason not in events_pb2.InferenceFailureReason.values():
        return "UNKNOWN"
    name = events_pb2.InferenceFailureReason.Name(events_pb2.InferenceFailureReason.ValueType(reason))
    return name.removeprefix("INFERENCE_FAILURE_REASON_")


def _ms(latency: Duration) -> float:
    return latency.seconds * _MILLI + latency.nanos / _NANO
