"""What is kept of predictions, and what gives way when room is short."""

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from forgepoint.events.v1 import events_pb2 as pb
from fp_inference.adapters.spool.builder import Builder
from fp_inference.adapters.spool.raw import Raw
from fp_inference.adapters.spool.recorder import SpoolRecorder
from fp_inference.adapters.spool.records import Report
from fp_inference.adapters.spool.spool import Spool
from fp_inference.app.values import Ask, Caller, Completed, Failed, Prediction, Replay, Try
from fp_inference.domain.failures import FailureReason
from fp_inference.domain.routes import Target
from fp_kernel import Command, invalid
from fp_kernel.bucket import Limit
from fp_kernel.tensors import ElementType, Tensor
from fp_telemetry import Metrics
from fp_testkit.clock import ManualClock
from inference_fakes.logged import models

_NOW = datetime(2013, 3, 1, tzinfo=UTC)
_TARGET = Target("m", "id-1", "1", "host:1", 10_000, 1, _NOW)
_X = {"x": Tensor(ElementType.FLOAT32, (1,), b"\0" * 4)}
_REPLAY = Replay(b"d", b"f", b"r")


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path, max_bytes=20_000, segment_bytes=1_000)
    yield spool
    spool.close()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("inference")


@pytest.fixture
def builder(spool: Spool, clock: ManualClock, metrics: Metrics) -> Builder:
    return Builder(spool.layouts, clock, metrics)


@pytest.fixture
def recorder(spool: Spool, builder: Builder, clock: ManualClock, metrics: Metrics) -> SpoolRecorder:
    return SpoolRecorder(spool, builder, clock, metrics, models=models())


def _ask(request_id: str = "r") -> Ask:
    caller = Caller("alpha", "user", "", "alpha/user", Limit(1.0, 1), may_pin=False)
    return Ask(request_id, caller, "delays", _X, "", "", Command("alpha", "", "", b"", lambda _: b""), 0.0, _NOW.date())


def _completed(request_id: str = "r", outputs: Mapping[str, Tensor] = _X) -> Completed:
    prediction = Prediction(request_id, "1", outputs, 0.001)
    return Completed(_ask(request_id), _TARGET, prediction, [Try(_TARGET, None, 0.001)], frozenset({"id-1"}), _NOW)


def _failed(reason: FailureReason, request_id: str = "r") -> Failed:
    return Failed(_ask(request_id), "m", [], frozenset(), reason, invalid("inputs", "bad"), _NOW)


def _count(metrics: Metrics, name: str) -> float:
    return metrics.registry.get_sample_value(f"fp_inference_{name}") or 0.0


def _events(spool: Spool) -> list[str]:
    return ["failed" if isinstance(each, Report) and each.failed else "completed" for each in _recorded(spool)]


def _recorded(spool: Spool) -> list[Any]:
    """Predictions, without the counts that stand at the begin of a segment."""
    reports = [entry.record.report for entry in spool.read(10_000)]
    return [each for each in reports if isinstance(each, Report | Raw)]


def _reports(spool: Spool, builder: Builder) -> list[Any]:
    return [builder.built(each) if isinstance(each, Raw) else each for each in _recorded(spool)]


def _payloads(spool: Spool, builder: Builder) -> list[Any]:
    kinds = {True: pb.InferenceFailed, False: pb.InferenceCompleted}
    return [kinds[each.failed].FromString(each.payload) for each in _reports(spool, builder)]


def test_the_event_of_a_prediction_names_its_caller(recorder: SpoolRecorder, spool: Spool, builder: Builder) -> None:
    recorder.completed(_completed(), _REPLAY)
    (record,) = spool.unpublished()
    assert record.replay == _REPLAY
    (sent,) = _reports(spool, builder)
    assert (sent.team, sent.model_id, sent.model_name, sent.version, sent.at) == (
        "alpha",
        "m",
        "delays",
        "1",
        _NOW,
    )
    payload = pb.InferenceCompleted.FromString(sent.payload)
    assert (payload.request_id, payload.actor, payload.is_canary, payload.rows) == ("r", "user", True, 1)


def test_with_a_full_spool_predictions_go_on_and_are_counted(
    recorder: SpoolRecorder, spool: Spool, metrics: Metrics
) -> None:
    for number in range(1_000):
        recorder.completed(_completed(str(number)), None)
    recorded = len(_events(spool))
    assert 0 < recorded < 1_000
    assert _count(metrics, "predictions_unrecorded_total") == 1_000 - recorded


@pytest.mark.parametrize(
    "outputs",
    [
        {"boxes": Tensor(ElementType.FLOAT32, (0, 4), b"")},
        {"boxes": Tensor(ElementType.FLOAT32, (1, 0, 4), b""), "labels": Tensor(ElementType.INT64, (0,), b"")},
        {"labels": Tensor(ElementType.STRING, (0,), b"")},
        {"p": Tensor(ElementType.FLOAT64, (1, 3), struct.pack("<3d", math.inf, -math.inf, math.nan))},
        {"p": Tensor(ElementType.FLOAT64, (1, 2), struct.pack("<2d", 1.7e308, 1.7e308))},
        {},
    ],
)
def test_whatever_an_answer_holds_its_event_has_a_summary(
    recorder: SpoolRecorder, spool: Spool, builder: Builder, metrics: Metrics, outputs: dict[str, Tensor]
) -> None:
    recorder.completed(_completed(outputs=outputs), None)
    (payload,) = _payloads(spool, builder)
    assert payload.request_id == "r"
    assert _count(metrics, "summaries_failed_total") == 0


def test_a_summary_that_fails_leaves_the_event_without_one(
    recorder: SpoolRecorder, spool: Spool, builder: Builder, metrics: Metrics
) -> None:
    short = Tensor(ElementType.FLOAT32, (1, 4), b"")
    recorder.completed(_completed(outputs={"p": short}), None)
    (payload,) = _payloads(spool, builder)
    assert (payload.request_id, payload.version) == ("r", "1")
    assert not payload.HasField("prediction_summary") or not payload.prediction_summary.output_stats
    assert _count(metrics, "summaries_failed_total") == 1


def test_each_try_is_told_with_its_version_and_outcome(recorder: SpoolRecorder, spool: Spool, builder: Builder) -> None:
    canary = replace(_TARGET, version_id="id-2", version="2")
    tries = [Try(canary, FailureReason.UPSTREAM_ERROR, 0.25), Try(_TARGET, None, 0.5)]
    recorder.completed(replace(_completed(), tries=tries, canaries=frozenset({"id-2"})), None)
    recorder.failed(replace(_failed(FailureReason.TIMEOUT), tries=tries[:1]))
    recorder.failed(_failed(FailureReason.BULKHEAD_FULL))
    done, failed, refused = _payloads(spool, builder)
    assert [(each.version, each.is_canary, each.failure, each.latency.nanos) for each in done.attempts] == [
        ("2", True, pb.INFERENCE_FAILURE_REASON_UPSTREAM_ERROR, 250_000_000),
        ("1", False, pb.INFERENCE_FAILURE_REASON_UNSPECIFIED, 500_000_000),
    ]
    assert (done.version, done.is_canary) == ("1", False)
    assert (failed.version, len(failed.attempts)) == ("2", 1)
    assert (refused.version, refused.model_id, len(refused.attempts)) == ("", "m", 0)


def test_failures_leave_room_for_predictions(recorder: SpoolRecorder, spool: Spool) -> None:
    for number in range(1_000):
        recorder.failed(_failed(FailureReason.TIMEOUT, str(number)))
    assert 0.7 < spool.fullness < 0.8
    recorder.completed(_completed(), None)
    assert _events(spool)[-1] == "completed"


def test_failures_that_cost_their_callers_nothing_are_told_at_a_bounded_rate(
    tmp_path: Path, clock: ManualClock
) -> None:
    spool = Spool(tmp_path / "large", max_bytes=10_000_000, segment_bytes=1_000_000)
    metrics = Metrics("inference")
    recorder = SpoolRecorder(spool, Builder(spool.layouts, clock, metrics), clock, metrics, models=models())
    for number in range(1_000):
        recorder.failed(_failed(FailureReason.RATE_LIMITED, str(number)))
    assert len(_events(spool)) == 200
    clock.advance(1.0)
    for number in range(1_000):
        recorder.failed(_failed(FailureReason.INVALID_INPUT, str(number)))
        recorder.failed(_failed(FailureReason.UPSTREAM_ERROR, str(number)))
    assert len(_events(spool)) == 1_020
    spool.close()
