"""More than can be written."""

import asyncio

import pytest
from forgepoint.events.v1 import events_pb2 as events
from forgepoint.experiment.v1 import experiment_pb2 as pb
from fp_events import Event
from fp_experiment.adapters.postgres.batches import PostgresBatchWriter
from fp_kernel import ResourceExhausted


@pytest.fixture
def gate(monkeypatch):
    """Closed, the database takes as long as the test wants."""
    opened, write = asyncio.Event(), PostgresBatchWriter.write

    async def slow(self, entries):
        await opened.wait()
        return await write(self, entries)

    monkeypatch.setattr(PostgresBatchWriter, "write", slow)
    return opened


async def test_beyond_the_backlog_calls_are_refused_with_a_delay_events_wait_and_nothing_is_lost(start, bus, gate):
    service = await start(experiment_batch_rows=100, experiment_backlog_rows=300)
    ann = service.engineer()
    run = await ann.run()
    views = [
        Event(
            "fp.features.written",
            events.FeaturesWritten(feature_view_name=f"v{n}"),
            team="alpha",
            resource_id=f"v{n}",
            summary="Written.",
            source="test",
        )
        for n in range(200)
    ]
    outcomes = await _refusing(ann, run, bus, views, gate)
    refused = [outcome for outcome in outcomes if isinstance(outcome, ResourceExhausted)]
    assert refused
    assert all(error.retry_after and error.reason == "BACKLOG_FULL" for error in refused)
    accepted = sum(outcome for outcome in outcomes if isinstance(outcome, int))
    history = await ann(pb.GetMetricHistoryRequest(run_id=run.id, pagination={"page_size": 5_000}))
    assert sum(len(series.points) for series in history.series) == accepted > 0


async def _refusing(ann, run, bus, views, gate):
    """The outcomes of twenty calls of 30 points, of which not all fit."""
    await bus.publish(views)

    async def call(n):
        try:
            return await ann.log(run, [0.0] * 30, start=n * 30)
        except ResourceExhausted as error:
            return error

    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(call(n)) for n in range(20)]
        while not any(task.done() for task in calls):
            await asyncio.sleep(0.01)
        gate.set()
    return [task.result() for task in calls]


async def test_what_was_taken_in_before_the_stop_is_written_and_answered(start, gate, database):
    service = await start()
    ann = service.engineer()
    run = await ann.run()
    async with asyncio.TaskGroup() as group:
        call = group.create_task(ann.log(run, [1.0, 2.0]))
        while "fp_experiment_backlog_rows 2.0" not in (await service.get("/metrics")).text:
            await asyncio.sleep(0.01)
        stop = group.create_task(service.service.stop())
        await asyncio.sleep(0)
        gate.set()
        await stop
    assert call.result() == 2
    assert await database.fetchval("SELECT count(*) FROM metric_points") == 2
