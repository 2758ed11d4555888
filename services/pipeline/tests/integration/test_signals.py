"""A trigger is signalled to whoever works and watches."""

import asyncio

import pytest
from fp_kernel import Command
from fp_pipeline.adapters.postgres.executions import CHANNEL
from fp_pipeline.adapters.postgres.reads import PostgresReads
from fp_pipeline.adapters.postgres.transactions import PostgresTransaction
from fp_pipeline.app.create_pipeline import CreatePipeline
from fp_pipeline.app.peers import Actor
from fp_pipeline.app.ports import WORK
from fp_pipeline.app.trigger_execution import TriggerExecution
from fp_pipeline.app.watch_execution import WatchExecution
from fp_pipeline.domain.definition import PipelineDraft, PipelineType, StepDefinition, StepType
from fp_pipeline.domain.execution import Cause
from fp_pipeline.domain.validation import JobModules
from fp_postgres import DatabaseTransactions
from fp_postgres.signals import Signals
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import RunningClock

ANN = Actor("alpha", "ann")
NO_KEY = Command(team="alpha", rpc="test", key="", fingerprint=b"", encode=lambda _: b"")


@pytest.fixture
async def signals(database):
    heard = Signals(database, CHANNEL)
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(heard.run())
        with heard.subscribe("ready") as ready:
            assert await ready.wait(PATIENCE), "everyone is woken when the connection stands"
        yield heard
        listening.cancel()


async def test_a_trigger_wakes_workers_and_a_watch_sees_it_at_once(database, signals):
    transactions, clock = DatabaseTransactions(database, PostgresTransaction), RunningClock()
    step = StepDefinition("a", StepType.CUSTOM, config={"module": "work"})
    create = CreatePipeline(transactions, JobModules(frozenset({"work"})), clock)
    pipeline = await create(ANN, PipelineDraft("p", PipelineType.TRAINING_DAG, (step,)), NO_KEY)
    with signals.subscribe(WORK) as work:
        execution = await TriggerExecution(transactions, clock)(ANN, pipeline.id, {}, Cause("ann"), NO_KEY)
        assert await work.wait(PATIENCE)
    watch = WatchExecution(PostgresReads(database), signals, clock, poll=60)
    seen = watch("alpha", execution.id, after_sequence=0, include_current_state=False)
    assert (await anext(seen)).execution == execution
    await seen.aclose()
