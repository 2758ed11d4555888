"""The bounded way in, over a writer that does what the test says."""

import asyncio
from dataclasses import dataclass

import pytest
import pytest_asyncio
from fp_experiment.app.ingest import Ingest
from fp_experiment.domain.batching import BatchPolicy
from fp_kernel import Aborted, NotFound, ResourceExhausted, Unavailable
from fp_testkit.wallclock import RunningClock

POLICY = BatchPolicy(rows=10, age=0.0, capacity=20)


@dataclass(frozen=True)
class Load:
    rows: int
    name: str = ""
    team: str = "alpha"


class Writer:
    """Keeps what it is given; waits while `gate` is closed; fails as `failures` say."""

    def __init__(self):
        self.batches, self.written = [], []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failures = []
        self.poison = ""

    async def write(self, entries):
        self.batches.append([entry.name for entry in entries])
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        if any(entry.name == self.poison for entry in entries if self.poison):
            raise ValueError("cannot be written")
        self.written += [entry.name for entry in entries]
        return [NotFound("no such run") if entry.name == "lost" else entry.rows for entry in entries]


@pytest.fixture
def writer():
    return Writer()


@pytest_asyncio.fixture
async def ingest(writer):
    made = Ingest(writer, RunningClock(), POLICY)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(made.run())
        yield made
        running.cancel()


async def settled():
    """Everything that can go on without the outside has gone on."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_call_is_answered_when_its_batch_is_written(ingest, writer):
    writer.gate.clear()
    async with asyncio.TaskGroup() as group:
        call = group.create_task(ingest.now_or_never(Load(3)))
        await settled()
        assert not call.done()
        writer.gate.set()
    assert call.result() == 3


async def test_calls_that_come_during_a_write_share_the_next_one(ingest, writer):
    writer.gate.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(ingest.now_or_never(Load(1, "first")))
        await settled()
        for name in "abc":
            group.create_task(ingest.now_or_never(Load(1, name)))
        await settled()
        writer.gate.set()
    assert writer.batches == [["first"], ["a", "b", "c"]]


async def test_a_call_beyond_the_room_is_refused_with_a_delay_and_an_event_waits(ingest, writer):
    writer.gate.clear()
    async with asyncio.TaskGroup() as group:
        for team in "ab":
            group.create_task(ingest.now_or_never(Load(10, team=team)))
        await settled()
        event = group.create_task(ingest.patiently(Load(5)))
        await settled()
        with pytest.raises(ResourceExhausted) as refused:
            await ingest.now_or_never(Load(1))
        assert refused.value.retry_after > 0
        assert refused.value.reason == "BACKLOG_FULL"
        assert not event.done()
        writer.gate.set()
    assert event.result() == 5


async def test_events_of_a_team_leave_room_for_its_calls(ingest, writer):
    writer.gate.clear()
    async with asyncio.TaskGroup() as group:
        for _ in range(30):
            group.create_task(ingest.patiently(Load(1, "event")))
        await settled()
        group.create_task(ingest.now_or_never(Load(5, "call")))
        await settled()
        writer.gate.set()
    assert writer.written.count("event") == 30
    assert "call" in writer.written


async def test_each_gets_what_became_of_it(ingest):
    answers = await asyncio.gather(
        ingest.now_or_never(Load(1, "a")), ingest.now_or_never(Load(1, "lost")), return_exceptions=True
    )
    assert answers[0] == 1
    assert isinstance(answers[1], NotFound)


async def test_the_entry_that_breaks_its_batch_ends_up_alone(ingest, writer):
    writer.poison = "c"
    calls = (ingest.now_or_never(Load(1, name)) for name in "abcd")
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [answer for answer in answers if answer == 1] == [1, 1, 1]
    assert isinstance(answers[2], ValueError)
    assert sorted(writer.written) == ["a", "b", "d"]


async def test_a_lost_race_is_tried_again_and_an_outage_is_told(ingest, writer):
    writer.failures = [Aborted("a race was lost")]
    assert await ingest.now_or_never(Load(1)) == 1
    writer.failures = [Unavailable("away")]
    with pytest.raises(Unavailable):
        await ingest.now_or_never(Load(1))
    assert await ingest.now_or_never(Load(1)) == 1


async def test_who_gave_up_writes_nothing(ingest, writer):
    writer.gate.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(ingest.now_or_never(Load(1, "first")))
        await settled()
        given_up = group.create_task(ingest.now_or_never(Load(1, "given up")))
        await settled()
        given_up.cancel()
        await settled()
        writer.gate.set()
    assert writer.written == ["first"]


async def test_what_still_waits_at_the_stop_is_refused(writer):
    writer.gate.clear()
    ingest = Ingest(writer, RunningClock(), POLICY)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(ingest.run())
        calls = [group.create_task(_outcome(ingest.now_or_never(Load(5)))) for _ in range(2)]
        await settled()
        running.cancel()
    assert [type(call.result()) for call in calls] == [Unavailable, Unavailable]


async def _outcome(call):
    try:
        return await call
    except Unavailable as error:
        return error
