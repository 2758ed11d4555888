"""The spool and a real bus, with the process killed at every step."""

import asyncio
import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from fp_events import Consumer, Event, NatsBus, connect, each
from fp_events.payloads.predictions import opened
from fp_inference.adapters.spool.builder import Builder
from fp_inference.adapters.spool.cursor import Position
from fp_inference.adapters.spool.recorder import SpoolRecorder
from fp_inference.adapters.spool.records import Record
from fp_inference.adapters.spool.spool import Spool
from fp_inference.adapters.spool.tailer import Tailer
from fp_inference.app.replays import Replays
from fp_inference.app.values import Replay
from fp_telemetry import Metrics
from fp_testkit.clock import ManualClock
from fp_testkit.crash import CrashedRun, CrashPoints, KillAt
from fp_testkit.patience import PATIENCE
from inference_fakes.logged import models
from inference_fakes.spooled import completed

_COUNTER = Consumer("counter", ("fp.inference.recorded", "fp.inference.completed", "fp.inference.failed"))
_LOG = Consumer("log-counter", ("fp.inference.logged",))
_ANSWERS = 4


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


def _recording(spool: Spool, bus: NatsBus, run: str) -> tuple[SpoolRecorder, Tailer]:
    """run: the team, all predictions of which are logged."""
    metrics, clock, logged = Metrics("inference"), ManualClock(), models(team=run, sample_bps=10_000)
    builder = Builder(spool.layouts, clock, metrics)
    tailer = Tailer(
        spool, bus.send, NoReplays(), builder=builder, models=logged, metrics=metrics, clock=clock, max_age=3_600.0
    )
    return SpoolRecorder(spool, builder, clock, metrics, models=logged), tailer


async def answer_predictions(crash: CrashPoints, url: str, folder: str, run: str) -> None:
    """Keeps an event, then answers; a line in `answers` is an answer that a client got."""
    bus = await connect(url, name="inference")
    spool = MortalSpool(Path(folder), max_bytes=1_000_000, segment_bytes=200)
    spool.crash = crash
    recorder, tailer = _recording(spool, crash.wrap(bus), run)
    with Path(folder, "answers").open("a", buffering=1) as answers:  # noqa: ASYNC230 -- the scenario is a process
        for number in range(_ANSWERS):
            recorder.completed(completed(run, str(number)), None)
            answers.write(f"{number}\n")
            crash.point()
            await tailer.step()
    await bus.close()


def _answered(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


async def test_no_answered_prediction_lacks_its_event_or_its_place_in_the_log_and_none_has_two(
    kill_at: KillAt, bus: NatsBus, nats_url: str, tmp_path: Path
) -> None:
    seen: Counter[tuple[str, str]] = Counter()
    logged: defaultdict[str, list[tuple[str, bytes]]] = defaultdict(list)
    ends: defaultdict[tuple[str, str], asyncio.Event] = defaultdict(asyncio.Event)
    runs = itertools.count()

    async def count(event: Event) -> None:
        for prediction in opened(event):
            request = prediction.payload.request_id  # type: ignore[attr-defined]
            if request == "end":
                ends[event.team, "events"].set()
            else:
                # Built by the signature that was recorded with it, also by the next process.
                assert dict(prediction.payload.feature_summary.feature_values) == {"hour": 0.5}  # type: ignore[attr-defined]
                seen[event.team, request] += 1

    async def log(event: Event) -> None:
        for each_one in event.payload.predictions:  # type: ignore[attr-defined]
            if each_one.request_id == "end":
                ends[event.team, "log"].set()
            else:
                logged[event.team].append((each_one.request_id, each_one.SerializeToString(deterministic=True)))

    async def arrange() -> tuple[str, str, str]:
        run = f"run-{next(runs)}"
        return nats_url, str(tmp_path / run), run

    async def check(crashed: CrashedRun) -> None:
        _, folder, run = crashed.arguments
        # The next life of the process: what was left in the spool goes out.
        spool = Spool(Path(folder), max_bytes=1_000_000, segment_bytes=200)
        recorder, tailer = _recording(spool, bus, run)
        recorder.completed(completed(run, "end"), None)
        await tailer.flush()
        async with asyncio.timeout(PATIENCE):
            await ends[run, "events"].wait()
            await ends[run, "log"].wait()
        spool.close()
        answered = _answered(Path(folder, "answers"))
        published = {request: times for (team, request), times in seen.items() if team == run}
        assert set(answered) <= set(published)
        # One more may be told than was answered: the client that got no answer asks again with its key.
        assert len(published) <= len(answered) + 1
        assert set(published.values()) <= {1}
        # The log has the same predictions. One that is in two messages is the same in both: merging leaves one of them.
        assert {request for request, _ in logged[run]} == set(published)
        assert len(set(logged[run])) == len(published)

    await bus.ensure((), (_COUNTER, _LOG))
    async with asyncio.TaskGroup() as group:
        counting = [
            group.create_task(bus.consume(_COUNTER, each(count))),
            group.create_task(bus.consume(_LOG, each(log))),
        ]
        steps = await kill_at(answer_predictions, check, arrange=arrange)
        for task in counting:
            task.cancel()
    assert steps > _ANSWERS * 4
