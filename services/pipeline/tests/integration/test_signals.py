"""Signals between replicas, and the plans of the lists."""

import asyncio

import pytest
from fp_kernel import Command, SystemClock
from fp_pipeline.adapters.postgres.signals import PostgresSignals, notify
from fp_pipeline.adapters.postgres.stores import PostgresReads, PostgresTransactions
from fp_pipeline.app.create_pipeline import CreatePipeline
from fp_pipeline.app.peers import Actor
from fp_pipeline.app.ports import WORK
from fp_pipeline.app.trigger_execution import TriggerExecution
from fp_pipeline.app.watch_execution import WatchExecution
from fp_pipeline.domain.definition import PipelineDraft, PipelineType, StepDefinition, StepType
from fp_pipeline.domain.execution import Cause
from fp_pipeline.domain.validation import JobModules

ANN = Actor("alpha", "ann")
NO_KEY = Command(team="alpha", rpc="test", key="", fingerprint=b"", encode=lambda _: b"")


@pytest.fixture
async def signals(database, databases):
    name = await database.fetchval("SELECT current_database()")
    heard = PostgresSignals(databases._url(name))
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(heard.run())
        with heard.subscribe("ready") as ready:
            assert await ready.wait(10), "everyone is woken when the connection stands"
        yield heard
        listening.cancel()


async def test_a_signal_comes_with_the_commit_and_to_its_topic_only(database, signals):
    with signals.subscribe("one") as one, signals.subscribe("two") as two:
        async with database.transaction() as tx:
            await notify(tx, "one")
            assert not await one.wait(0.05)
        assert await one.wait(10)
        assert not await two.wait(0.05)


async def test_a_failed_transaction_signals_nothing(database, signals):
    with signals.subscribe("one") as one:
        with pytest.raises(ZeroDivisionError):
            async with database.transaction() as tx:
                await notify(tx, "one")
                raise ZeroDivisionError
        assert not await one.wait(0.05)


async def test_a_lost_connection_is_made_again_and_everyone_looks(database, signals):
    with signals.subscribe("one") as one:
        await database.execute(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE query LIKE 'LISTEN%' AND usename = current_user AND datname = current_database()
            """
        )
        assert await one.wait(10)
        async with database.transaction() as tx:
            await notify(tx, "one")
        assert await one.wait(10)


async def test_a_trigger_wakes_workers_and_a_watch_sees_it_at_once(database, signals):
    transactions, clock = PostgresTransactions(database), SystemClock()
    step = StepDefinition("a", StepType.CUSTOM, config={"module": "work"})
    create = CreatePipeline(transactions, JobModules(frozenset({"work"})), clock)
    pipeline = await create(ANN, PipelineDraft("p", PipelineType.TRAINING_DAG, (step,)), NO_KEY)
    with signals.subscribe(WORK) as work:
        execution = await TriggerExecution(transactions, clock)(ANN, pipeline.id, {}, Cause("ann"), NO_KEY)
        assert await work.wait(10)
    watch = WatchExecution(PostgresReads(database), signals, poll=60)
    seen = watch("alpha", execution.id, after_sequence=0, include_current_state=False)
    assert (await anext(seen)).execution == execution
    await seen.aclose()
