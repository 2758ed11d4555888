"""What the engine relies on, kept by the stores in Postgres and by those in memory alike."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from fp_kernel import AlreadyExists, PageRequest
from fp_pipeline.domain import forward, scheduling
from fp_pipeline.domain.definition import PipelineType
from fp_pipeline.domain.execution import Cancellation, ExecutionStatus, after
from fp_pipeline.domain.lease import LeaseLost


async def test_a_pipeline_is_read_back_as_it_was_made(stores, made):
    pipeline = made.pipeline()
    async with stores.transactions() as tx:
        await tx.pipelines.add(pipeline)
    assert await stores.reads.pipeline("alpha", pipeline.id) == pipeline
    assert await stores.reads.pipeline("beta", pipeline.id) is None
    async with stores.transactions() as tx:
        with pytest.raises(AlreadyExists):
            await tx.pipelines.add(made.pipeline())
        await tx.pipelines.add(made.pipeline("p", "beta"))


async def test_an_execution_is_read_back_as_it_was_triggered(stores, made):
    execution = await made.saved(stores)
    assert await stores.reads.execution("alpha", execution.id) == execution
    assert await stores.reads.execution("beta", execution.id) is None
    (first,) = await stores.reads.transitions(execution, 0, 10)
    assert (first.sequence, first.status, first.step, first.at) == (1, ExecutionStatus.PENDING, None, made.now)


async def test_progress_is_kept_with_its_transitions(stores, made):
    execution = await made.saved(stores)
    (lease,) = await stores.leases.claim("w", 10, 60.0)
    assert await stores.leases.load(lease) == execution
    begun = scheduling.advance(execution, made.now)
    started = forward.start(begun.execution, "a", made.now)
    failed = forward.retry(started.execution, "a", "no data", made.now + timedelta(seconds=3), made.now)
    for progress in (begun, started, failed):
        async with stores.transactions() as tx:
            await tx.executions.save(progress, lease)
    present = await stores.reads.execution("alpha", execution.id)
    assert present == failed.execution
    replayed = execution
    for transition in await stores.reads.transitions(execution, 1, 10):
        replayed = after(replayed, transition)
    assert replayed == present
    assert [each.sequence for each in await stores.reads.transitions(execution, 2, 1)] == [3]


async def test_a_write_with_an_older_token_is_refused_and_changes_nothing(stores, made):
    execution = await made.saved(stores)
    (old,) = await stores.leases.claim("one", 10, 0.0)
    (new,) = await stores.leases.claim("two", 10, 60.0)
    assert new.token > old.token
    progress = scheduling.advance(execution, made.now)
    with pytest.raises(LeaseLost):
        async with stores.transactions() as tx:
            await tx.executions.save(progress, old)
    for call in (stores.leases.renew(old, 60.0), stores.leases.load(old)):
        with pytest.raises(LeaseLost):
            await call
    await stores.leases.release(old, 0.0)
    assert await stores.leases.claim("three", 10, 60.0) == []
    assert await stores.reads.execution("alpha", execution.id) == execution
    async with stores.transactions() as tx:
        await tx.executions.save(progress, new)


async def test_a_free_execution_is_claimed_once_oldest_first(stores, made):
    executions = [await made.saved(stores, name=f"p{number}") for number in range(6)]
    claims = await asyncio.gather(*(stores.leases.claim(f"w{number}", 2, 60.0) for number in range(4)))
    claimed = [lease.execution_id for leases in claims for lease in leases]
    assert sorted(claimed) == sorted(each.id for each in executions)
    assert await stores.leases.claim("late", 10, 60.0) == []


async def test_a_claimer_passes_over_what_it_works_on_itself(stores, made):
    execution = await made.saved(stores)
    await stores.leases.claim("w", 10, 0.0)
    assert await stores.leases.claim("w", 10, 60.0, frozenset({execution.id})) == []
    assert len(await stores.leases.claim("w", 10, 60.0)) == 1


async def test_an_ended_execution_is_not_claimed(stores, made):
    execution = await made.saved(stores)
    (lease,) = await stores.leases.claim("w", 10, 60.0)
    cancelled = replace(execution, cancellation=Cancellation("bob", ""))
    async with stores.transactions() as tx:
        await tx.executions.save(scheduling.advance(cancelled, made.now), lease)
    await stores.leases.release(lease, 0.0)
    assert await stores.leases.claim("w", 10, 60.0) == []


async def test_the_wish_to_cancel_reaches_whoever_renews(stores, made):
    execution = await made.saved(stores)
    (lease,) = await stores.leases.claim("w", 10, 60.0)
    assert await stores.leases.renew(lease, 60.0) is None
    wanted = Cancellation("bob", "why not")
    async with stores.transactions() as tx:
        found = await tx.executions.find("alpha", execution.id)
        assert found == execution
        assert not await tx.executions.idle(execution.id)
        await tx.executions.ask_to_cancel(execution.id, wanted)
    assert await stores.leases.renew(lease, 60.0) == wanted
    assert (await stores.reads.execution("alpha", execution.id)).cancellation == wanted


async def test_executions_are_listed_by_team_pipeline_and_status(stores, made):
    first, second = [await made.saved(stores, name=name) for name in ("p", "q")]
    foreign = await made.saved(stores, team="beta")
    async with stores.transactions() as tx:
        pipeline = await tx.pipelines.find("alpha", first.pipeline_id)
        more = [made.execution(pipeline) for _ in range(3)]
        for each in more:
            await tx.executions.add(each)

    async def listed(pipeline_id="", status=None, size=10, position=None, team="alpha"):
        page = PageRequest(size, (position,) if position else None)
        return [each.id for each in await stores.reads.executions(team, pipeline_id, status, page)]

    newest_first = [each.id for each in reversed(more)]
    assert await listed() == [*newest_first, second.id, first.id]
    assert await listed(first.pipeline_id) == [*newest_first, first.id]
    assert await listed(second.pipeline_id, ExecutionStatus.PENDING) == [second.id]
    assert await listed(status=ExecutionStatus.RUNNING) == []
    assert await listed(size=2) == newest_first[:2]
    assert await listed(size=2, position=newest_first[1]) == [newest_first[2], second.id]
    assert await listed(team="beta") == [foreign.id]
    (row,) = await stores.reads.executions("beta", "", None, PageRequest(1))
    assert row.steps == ()
    assert replace(row, steps=foreign.steps) == foreign


async def test_pipelines_are_listed_by_team_and_type(stores, made):
    made = [
        made.pipeline("p"),
        made.pipeline("q", "alpha", PipelineType.BATCH_INFERENCE),
        made.pipeline("r"),
        made.pipeline("p", "beta"),
    ]
    async with stores.transactions() as tx:
        for each in made:
            await tx.pipelines.add(each)
    page = PageRequest(10)
    assert await stores.reads.pipelines("alpha", None, page) == [made[2], made[1], made[0]]
    assert await stores.reads.pipelines("alpha", PipelineType.TRAINING_DAG, page) == [made[2], made[0]]
    assert await stores.reads.pipelines("alpha", None, PageRequest(1, (made[2].id,))) == [made[1]]


async def test_what_fails_in_a_transaction_leaves_nothing(stores, made):
    pipeline = made.pipeline()
    with pytest.raises(ZeroDivisionError):
        async with stores.transactions() as tx:
            await tx.pipelines.add(pipeline)
            raise ZeroDivisionError
    assert await stores.reads.pipeline("alpha", pipeline.id) is None
