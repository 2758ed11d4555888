"""The spool and a real bus, with the process killed at every step."""

import asyncio
import itertools
import struct
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from forgepoint.events.v1.events_pb2 import InferenceCompleted
from fp_events import Consumer, Event, NatsBus, connect, each
from fp_events.payloads.predictions import opened
from fp_inference.adapters.spool.builder import Builder
from fp_inference.adapters.spool.cursor import Position
from fp_inference.adapters.spool.recorder import SpoolRecorder
from fp_inference.adapters.spool.records import Record, Report
from fp_inference.adapters.spool.spool import Spool
from fp_inference.adapters.spool.tailer import Tailer
from fp_inference.app.replays import Replays
from fp_inference.app.values import Ask, Caller, Completed, Prediction, Replay, Try
from fp_inference.domain.bucket import Limit
from fp_inference.domain.routes import Target
from fp_kernel import Command
from fp_kernel.signatures import Column, Signature, TensorSpec
from fp_kernel.tensors import ElementType, Tensor
from fp_telemetry import Metrics
from fp_testkit.clock import ManualClock
from fp_testkit.crash import CrashedRun, CrashPoints, KillAt
from fp_testkit.patience import PATIENCE
from inference_fakes.logged import models

_AT = datetime(2013, 3, 1, 12, tzinfo=UTC)
_COUNTER = Consumer("counter", ("fp.inference.recorded", "fp.inference.completed", "fp.inference.failed"))
_ANSWERS = 4
_SIGNATURE = Signature((TensorSpec("x", ElementType.FLOAT32, (-1, 1), (Column("hour"),)),))


class NoReplays(Replays):
    def __init__(self) -> None:
        """Nothing is kept."""

    async def store(self, replays: Sequence[Replay]) -> None:
        """Nothing is kept."""


class MortalSpool(Spool):
    """May die around each step towards the disk."""

    crash: CrashPoints

    def append(self, record: Record) -> None:
        self.crash.point()
        super().append(record)
        self.crash.point()

    def commit(self, position: Position) -> None:
        self.crash.point()
        super().commit(position)
        self.crash.point()


def _report(run: str, request: str) -> Report:
    payload = InferenceCompleted(request_id=request).SerializeToString()
    return Report(run, "m", "delays", "1", failed=False, at=_AT, payload=payload)


def _completed(run: str, request: str) -> Completed:
    caller = Caller(run, "user", "", f"{run}/user", Limit(1.0, 1), may_pin=False)
    x = {"x": Tensor(ElementType.FLOAT32, (1, 1), struct.pack("<f", 0.5))}
    ask = Ask(request, caller, "delays", x, "", "", Command(run, "", "", b"", lambda _: b""), 0.0, _AT.date())
    target = Target("m", "id-1", "1", "host:1", 10_000, 1, _AT, signature=_SIGNATURE)
    return Completed(ask, target, Prediction(request, "1", x, 0.001), [Try(target, None, 0.001)], frozenset(), _AT)


def _recording(spool: Spool, bus: NatsBus) -> tuple[SpoolRecorder, Tailer]:
    metrics, clock = Metrics("inference"), ManualClock()
    builder = Builder(spool.layouts, clock, metrics)
    tailer = Tailer(
        spool, bus.send, NoReplays(), builder=builder, models=models(), metrics=metrics, clock=clock, max_age=3_600.0
    )
    return SpoolRecorder(spool, builder, clock, metrics, models=models()), tailer


async def answer_predictions(crash: CrashPoints, url: str, folder: str, run: str) -> None:
    """Keeps an event, then answers; a line in `answers` is an answer that a client got."""
    bus = await connect(url, name="inference")
    spool = MortalSpool(Path(folder), max_bytes=1_000_000, segment_bytes=200)
    spool.crash = crash
    recorder, tailer = _recording(spool, crash.wrap(bus))
    with Path(folder, "answers").open("a", buffering=1) as answers:  # noqa: ASYNC230 -- the scenario is a process
        for number in range(_ANSWERS):
            recorder.completed(_completed(run, str(number)), None)
            answers.write(f"{number}\n")
            crash.point()
            await tailer.step()
    await bus.close()


def _answered(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


async def test_no_answered_prediction_lacks_its_event_and_none_has_two(
    kill_at: KillAt, bus: NatsBus, nats_url: str, tmp_path: Path
) -> None:
    seen: Counter[tuple[str, str]] = Counter()
    ends: dict[str, asyncio.Event] = {}
    runs = itertools.count()

    async def count(event: Event) -> None:
        for prediction in opened(event):
            request = prediction.payload.request_id  # type: ignore[attr-defined]
            if request == "end":
                ends[event.team].set()
            else:
                # Built by the signature that was recorded with it, also by the next process.
                assert dict(prediction.payload.feature_summary.feature_values) == {"hour": 0.5}  # type: ignore[attr-defined]
                seen[event.team, request] += 1

    async def arrange() -> tuple[str, str, str]:
        run = f"run-{next(runs)}"
        return nats_url, str(tmp_path / run), run

    async def check(crashed: CrashedRun) -> None:
        _, folder, run = crashed.arguments
        # The next life of the process: what was left in the spool goes out.
        spool = Spool(Path(folder), max_bytes=1_000_000, segment_bytes=200)
        ends[run] = asyncio.Event()
        spool.append(Record(_report(run, "end"), None))
        await _recording(spool, bus)[1].flush()
        async with asyncio.timeout(PATIENCE):
            await ends[run].wait()
        spool.close()
        answered = _answered(Path(folder, "answers"))
        published = {request: times for (team, request), times in seen.items() if team == run}
        assert set(answered) <= set(published)
        # One more may be told than was answered: the client that got no answer asks again with its key.
        assert len(published) <= len(answered) + 1
        assert set(published.values()) <= {1}

    await bus.ensure((), (_COUNTER,))
    async with asyncio.TaskGroup() as group:
        counting = group.create_task(bus.consume(_COUNTER, each(count)))
        steps = await kill_at(answer_predictions, check, arrange=arrange)
        counting.cancel()
    assert steps > _ANSWERS * 4
