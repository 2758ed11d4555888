"""What is kept of predictions, and what gives way when room is short."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fp_events import decode
from fp_inference.adapters.spool.recorder import SpoolRecorder
from fp_inference.adapters.spool.spool import Spool
from fp_inference.app.values import Ask, Caller, Completed, Failed, Prediction, Replay
from fp_inference.domain.bucket import Limit
from fp_inference.domain.failures import FailureReason
from fp_inference.domain.request_ids import event_id
from fp_inference.domain.routes import Target
from fp_kernel import Command, Unavailable, invalid
from fp_kernel.tensors import ElementType, Tensor
from fp_telemetry import Metrics
from fp_testkit.clock import ManualClock

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
def recorder(spool: Spool, clock: ManualClock) -> SpoolRecorder:
    return SpoolRecorder(spool, clock, Metrics("inference"))


def _ask(request_id: str = "r") -> Ask:
    caller = Caller("alpha", "user", "", "alpha/user", Limit(1.0, 1), may_pin=False)
    return Ask(request_id, caller, "delays", _X, "", "", Command("alpha", "", "", b"", lambda _: b""), 0.0, _NOW.date())


def _completed(request_id: str = "r") -> Completed:
    return Completed(_ask(request_id), _TARGET, Prediction(request_id, "1", _X, 0.001), is_canary=True, at=_NOW)


def _failed(reason: FailureReason, request_id: str = "r") -> Failed:
    return Failed(_ask(request_id), _TARGET, reason, invalid("inputs", "bad"), _NOW)


def _events(spool: Spool) -> list[str]:
    return [entry.record.message.subject.rpartition(".")[2] for entry in spool.read(10_000)]


def test_a_prediction_told_twice_is_one_event(recorder: SpoolRecorder, spool: Spool) -> None:
    recorder.completed(_completed(), _REPLAY)
    recorder.completed(_completed(), _REPLAY)
    recorder.failed(_failed(FailureReason.TIMEOUT))
    entries = spool.read(10)
    ids = [entry.record.message.id for entry in entries]
    assert ids[0] == ids[1] == event_id("fp.inference.completed", "r")
    assert ids[2] == event_id("fp.inference.failed", "r")
    assert entries[0].record.replay == _REPLAY
    event = decode(entries[0].record.message.data)
    assert (event.team, event.resource_id, event.actor) == ("alpha", "m", "user")
    assert event.payload.is_canary  # type: ignore[attr-defined]


def test_a_full_spool_makes_no_prediction(recorder: SpoolRecorder, spool: Spool) -> None:
    recorder.check_room()
    with pytest.raises(Unavailable) as caught:
        for number in range(1_000):
            recorder.completed(_completed(str(number)), None)
    assert caught.value.reason == "EVENT_SPOOL_FULL"
    assert caught.value.retry_after


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
    recorder = SpoolRecorder(spool, clock, Metrics("inference"))
    for number in range(1_000):
        recorder.failed(_failed(FailureReason.RATE_LIMITED, str(number)))
    assert len(_events(spool)) == 200
    clock.advance(1.0)
    for number in range(1_000):
        recorder.failed(_failed(FailureReason.INVALID_INPUT, str(number)))
        recorder.failed(_failed(FailureReason.UPSTREAM_ERROR, str(number)))
    assert len(_events(spool)) == 1_020
    spool.close()
