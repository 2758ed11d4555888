"""Who was asked and what became of it, as the events of inference tell it."""

from datetime import UTC, datetime, timedelta

import pytest
from forgepoint.events.v1 import events_pb2 as pb
from fp_events import Event
from fp_pipeline.api.tries import tries
from fp_pipeline.domain.statistics import ANSWERED, NO_ROWS, REFUSED

AT = datetime(2013, 3, 1, 12, tzinfo=UTC)


def attempt(version, ms, failure="UNSPECIFIED"):
    latency = timedelta(milliseconds=ms)
    number = pb.InferenceFailureReason.Value(f"INFERENCE_FAILURE_REASON_{failure}")
    return pb.InferenceAttempt(version=version, failure=number, latency=latency)


def completed(*attempts, rows=1.0, **fields):
    summary = pb.PredictionSummary(output_stats={"rows": rows})
    return pb.InferenceCompleted(
        model_name="delays", version="1", attempts=attempts, completed_at=AT, prediction_summary=summary, **fields
    )


def failed(reason, *attempts, version="2"):
    number = pb.InferenceFailureReason.Value(f"INFERENCE_FAILURE_REASON_{reason}")
    return pb.InferenceFailed(model_name="delays", version=version, reason=number, attempts=attempts, failed_at=AT)


def seen(payload, team="alpha"):
    event = Event("fp.inference.completed", payload, team=team, resource_id="m", summary="s", time=AT)
    return [(each.version, each.outcome, each.latency_ms) for each in tries(event)]


def test_a_retry_hides_neither_the_version_that_failed_nor_whose_time_it_was():
    payload = completed(attempt("2", 900, "UPSTREAM_ERROR"), attempt("1", 12), latency=timedelta(milliseconds=915))
    assert seen(payload) == [("2", "UPSTREAM_ERROR", 900.0), ("1", ANSWERED, 12.0)]


def test_an_event_without_attempts_tells_of_the_version_it_names():
    assert seen(completed(latency=timedelta(milliseconds=7))) == [("1", ANSWERED, 7.0)]
    assert seen(failed("TIMEOUT")) == [("2", "TIMEOUT", 0.0)]


@pytest.mark.parametrize(
    "reason", ["BULKHEAD_FULL", "CIRCUIT_OPEN", "NO_ROUTE", "RATE_LIMITED", "INVALID_INPUT", "QUOTA_EXCEEDED"]
)
def test_a_refusal_counts_against_nobody_unless_the_version_was_asked(reason):
    assert seen(failed(reason)) == []
    assert seen(failed(reason, attempt("2", 3, reason))) == [("2", REFUSED, 3.0)]


def test_an_answer_without_rows_is_told_of_the_version_that_gave_it():
    payload = completed(attempt("2", 900, "UPSTREAM_ERROR"), attempt("1", 12), rows=0.0)
    assert [outcome for _, outcome, _ in seen(payload)] == ["UPSTREAM_ERROR", NO_ROWS]


def test_a_batch_tells_of_all_its_predictions_once_each():
    batch = pb.InferenceRecorded(
        completed=[completed(), completed(attempt("2", 900, "TIMEOUT"), attempt("1", 12))], failed=[failed("TIMEOUT")]
    )
    event = Event("fp.inference.recorded", batch, team="alpha", resource_id="m", summary="s", time=AT)
    found = list(tries(event))
    assert [each.version for each in found] == ["1", "2", "1", "2"]
    assert {each.event_id for each in found} == {event.id}
    assert [each.part for each in found] == [0, 1, 2, 3]


def test_what_names_no_version_or_team_is_left_out():
    assert seen(failed("TIMEOUT", version="")) == []
    assert seen(completed(), team="") == []
