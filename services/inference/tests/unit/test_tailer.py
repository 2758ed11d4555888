"""What is in the spool reaches the bus, whatever the bus does."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from forgepoint.events.v1 import events_pb2 as pb
from fp_events import EncodedEvent, Event, Published, decode, encoded
from fp_events.payloads.predictions import opened
from fp_inference.adapters.events import COUNTED
from fp_inference.adapters.spool.batches import Part, batches
from fp_inference.adapters.spool.builder import Builder
from fp_inference.adapters.spool.frames import frame
from fp_inference.adapters.spool.records import Record, Report
from fp_inference.adapters.spool.spool import Spool
from fp_inference.adapters.spool.tailer import Tailer
from fp_inference.app.logged_models import LoggedModels
from fp_inference.app.replays import Replays
from fp_inference.app.values import Replay
from fp_kernel import Error, InvalidArgument, Unavailable
from fp_telemetry import Metrics
from fp_testkit.clock import ManualClock
from inference_fakes.logged import models

_AT = datetime(2013, 3, 1, 12, tzinfo=UTC)


class FakeBus:
    """refuses: messages that carry this request. broken: the next sends raise."""

    def __init__(self) -> None:
        self.messages: list[EncodedEvent] = []
        self.refuses: dict[str, Error] = {}
        self.broken: list[Exception] = []

    @property
    def sent(self) -> list[str]:
        return [request for message in self.messages for request in _opened(message)]

    async def send(self, messages: Sequence[EncodedEvent]) -> Published:
        if self.broken:
            raise self.broken.pop()
        failed = {
            message.id: error
            for message in messages
            for request, error in self.refuses.items()
            if request in _opened(message)
        }
        acked = [message for message in messages if message.id not in failed]
        self.messages += acked
        return Published(frozenset(message.id for message in acked), failed)


class StoredReplays(Replays):
    def __init__(self) -> None:
        self.stored: list[bytes] = []

    async def store(self, replays: Sequence[Replay]) -> None:
        self.stored += [replay.digest for replay in replays]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path, max_bytes=1_000_000, segment_bytes=2_000)
    yield spool
    spool.close()


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus()


def _report(number: int, model: str = "delays", version: str = "1", *, failed: bool = False, size: int = 0) -> Report:
    kind = pb.InferenceFailed if failed else pb.InferenceCompleted
    payload = kind(request_id=f"id-{number}", api_key_id="x" * size).SerializeToString()
    return Report("alpha", "m" if version else "", model, version, failed=failed, at=_AT, payload=payload)


def _opened(message: EncodedEvent) -> list[str]:
    """Of its predictions; a count of a spool has none."""
    event = decode(message.data)
    return [] if event.type == COUNTED else [each.payload.request_id for each in opened(event)]  # type: ignore[attr-defined]


def _append(spool: Spool, *numbers: int) -> None:
    for number in numbers:
        replay = Replay(b"%d" % number, b"", b"") if number % 2 else None
        spool.append(Record(_report(number), replay))


def _tailer(spool: Spool, bus: FakeBus, replays: Replays | None = None, logged: LoggedModels | None = None) -> Tailer:
    metrics, clock = Metrics("inference"), ManualClock()
    builder = Builder(spool.layouts, clock, metrics)
    return Tailer(
        spool,
        bus.send,
        replays or StoredReplays(),
        builder=builder,
        models=logged or models(),
        metrics=metrics,
        clock=clock,
        max_age=3_600.0,
    )


async def test_everything_is_published_in_order_and_committed(spool: Spool, bus: FakeBus) -> None:
    replays = StoredReplays()
    _append(spool, *range(300))
    await _tailer(spool, bus, replays).flush()
    assert bus.sent == [f"id-{number}" for number in range(300)]
    assert replays.stored == [b"%d" % number for number in range(1, 300, 2)]
    assert spool.read(10) == []
    assert not spool.changed.is_set()


async def test_a_round_is_one_message_of_each_team_model_and_version(spool: Spool, bus: FakeBus) -> None:
    parts = [
        _report(0),
        _report(1, version="2"),
        _report(2),
        _report(3, failed=True),
        _report(4, "other"),
        _report(5, version=""),
    ]
    for part in parts:
        spool.append(Record(part, None))
    await _tailer(spool, bus).flush()
    assert [_opened(message) for message in bus.messages] == [["id-0", "id-2", "id-3"], ["id-1"], ["id-4"], ["id-5"]]
    event = decode(bus.messages[0].data)
    assert "traceparent" not in bus.messages[0].headers
    assert (event.type, event.team, event.resource_id, event.time) == ("fp.inference.recorded", "alpha", "m", _AT)
    assert [each.type for each in opened(event)] == ["fp.inference.completed"] * 2 + ["fp.inference.failed"]


async def test_predictions_of_one_call_stay_in_its_trace(spool: Spool, bus: FakeBus) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for number in range(2):
        spool.append(Record(replace(_report(number), traceparent=parent), None))
    await _tailer(spool, bus).flush()
    assert bus.messages[0].headers["traceparent"] == parent


async def test_messages_are_bounded_in_bytes_and_predictions(tmp_path: Path, bus: FakeBus) -> None:
    spool = Spool(tmp_path / "large", max_bytes=20_000_000, segment_bytes=1_000_000)
    for number in range(40):
        spool.append(Record(_report(number, size=100_000), None))
    for number in range(40, 2_500):
        spool.append(Record(_report(number), None))
    await _tailer(spool, bus).flush()
    assert bus.sent == [f"id-{number}" for number in range(2_500)]
    assert max(len(message.data) for message in bus.messages) < 1_000_000
    assert max(len(_opened(message)) for message in bus.messages) == 1_000
    spool.close()


async def test_what_is_published_again_is_cut_as_it_was_and_has_the_same_ids(tmp_path: Path, bus: FakeBus) -> None:
    spool = Spool(tmp_path / "killed", max_bytes=1_000_000, segment_bytes=500)
    _append(spool, *range(7))
    parts = [Part(entry, entry.record.report) for entry in spool.take(5)]  # type: ignore[arg-type] # none is raw
    first = [batch.message for batch in batches(parts, spool.name)]
    spool.close()
    again = Spool(tmp_path / "killed", max_bytes=1_000_000, segment_bytes=500)
    _append(again, 7)
    await _tailer(again, bus).flush()
    assert bus.messages[:1] == first
    assert bus.sent == [f"id-{number}" for number in range(8)]
    assert UUID(bus.messages[0].id).version == 7
    again.close()


async def test_other_spools_and_other_records_make_other_ids(tmp_path: Path, bus: FakeBus) -> None:
    for name in ("one", "two"):
        spool = Spool(tmp_path / name, max_bytes=1_000_000, segment_bytes=500)
        for number in (0, 1):
            _append(spool, number)
            await _tailer(spool, bus).step()
        spool.close()
    assert len({message.id for message in bus.messages}) == 4


async def test_events_of_a_process_before_there_were_batches_go_out_as_they_are(spool: Spool, bus: FakeBus) -> None:
    payload = pb.InferenceCompleted(request_id="old")
    old = encoded(Event("fp.inference.completed", payload, "alpha", "m", "One.", time=_AT))
    spool.append(Record(old, None))
    _append(spool, 1)
    await _tailer(spool, bus).flush()
    assert bus.messages[0] == old
    assert bus.sent == ["old", "id-1"]


async def test_what_the_bus_did_not_take_is_sent_again_as_it_was(spool: Spool, bus: FakeBus) -> None:
    for number in range(4):
        spool.append(Record(_report(number, version=str(number % 2)), None))
    bus.refuses["id-0"] = Unavailable("the stream is full")
    tailer = _tailer(spool, bus)
    assert not await tailer.step()
    assert bus.sent == ["id-1", "id-3"]
    bus.refuses.clear()
    _append(spool, 4)
    assert await tailer.step()
    assert bus.messages[2] == bus.messages[0]
    assert bus.sent[2:] == ["id-0", "id-2", "id-1", "id-3"]
    await tailer.flush()
    assert bus.sent[6:] == ["id-4"]


async def test_a_tailer_that_is_behind_does_not_linger(spool: Spool, bus: FakeBus) -> None:
    tailer = _tailer(spool, bus)
    for number in range(2_001):
        spool.append(Record(_report(number), None))
    assert await tailer.step()
    assert tailer._behind
    assert await tailer.step()
    assert not tailer._behind


async def test_what_is_recorded_within_a_quarter_of_a_second_goes_in_one_message(
    spool: Spool, bus: FakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = [0.0, 0.1, 0.2, 0.3]
    elapsed = 0.0

    async def pause(seconds: float) -> None:
        nonlocal elapsed
        elapsed += seconds
        while recorded and recorded[0] <= elapsed:
            _append(spool, round(recorded.pop(0) * 10))
        if bus.messages:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", pause)
    spool.changed.set()
    with pytest.raises(asyncio.CancelledError):
        await _tailer(spool, bus).run()
    assert _opened(bus.messages[0]) == ["id-0", "id-1", "id-2"]


async def test_what_waited_too_long_is_dropped_by_segments(tmp_path: Path, bus: FakeBus) -> None:
    spool = Spool(tmp_path / "old", max_bytes=1_000_000, segment_bytes=300)
    _append(spool, *range(20))
    old, *_, newest = sorted((tmp_path / "old").glob("*.spool"))
    os.utime(old, (1_000.0, 1_000.0))
    assert spool.expire(2_000.0) > 0
    assert not old.exists()
    assert newest.exists()
    await _tailer(spool, bus).flush()
    assert 0 < len(bus.sent) < 20
    assert bus.sent[-1] == "id-19"
    spool.close()


async def test_a_send_that_breaks_loses_nothing(spool: Spool, bus: FakeBus) -> None:
    _append(spool, 0, 1)
    bus.broken.append(RuntimeError("bug"))
    tailer = _tailer(spool, bus)
    with pytest.raises(RuntimeError):
        await tailer.step()
    assert spool.changed.is_set()
    assert await tailer.step()
    assert bus.sent == ["id-0", "id-1"]


async def test_what_can_never_be_published_is_set_aside_and_holds_nobody_back(
    spool: Spool, bus: FakeBus, tmp_path: Path
) -> None:
    for number in range(3):
        spool.append(Record(_report(number, version=str(number)), None))
    bus.refuses["id-1"] = InvalidArgument("too large")
    assert await _tailer(spool, bus).step()
    assert bus.sent == ["id-0", "id-2"]
    assert b"id-1" in (tmp_path / "refused").read_bytes()


async def test_a_record_that_nobody_can_read_holds_nobody_back(spool: Spool, bus: FakeBus, tmp_path: Path) -> None:
    _append(spool, 0)
    spool._segments.write(frame([b"told", b"of a later release"]))
    _append(spool, 1)
    await _tailer(spool, bus).flush()
    assert bus.sent == ["id-0", "id-1"]
    assert b"of a later release" in (tmp_path / "refused").read_bytes()
    assert spool.take(10) == []


async def test_a_flush_gives_up_when_the_bus_is_away(spool: Spool, bus: FakeBus) -> None:
    _append(spool, 0)
    bus.refuses["id-0"] = Unavailable("away")
    await _tailer(spool, bus).flush()
    assert spool.changed.is_set()
