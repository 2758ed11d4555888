"""What the engine relies on, kept by the stores in Postgres and by those in memory alike."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fp_kernel import AlreadyExists, PageRequest, new_id
from fp_pipeline.domain import attempts, scheduling
from fp_pipeline.domain.definition import Pipeline, PipelineType, StepDefinition, StepType
from fp_pipeline.domain.deployment import Deployment, DeploymentState
from fp_pipeline.domain.execution import Cancellation, Cause, Execution, ExecutionStatus, Step, after
from fp_pipeline.domain.lease import LeaseLost

NOW = datetime(2013, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
STEPS = (
    StepDefinition("a", StepType.TRAIN, "First", config={"module": "work", "months": [1, 2]}, timeout=1.5),
    StepDefinition("b", StepType.CUSTOM, depends_on=("a",), max_retries=2, config={"nested": {"x": None}}),
)


def a_pipeline(name: str = "p", team: str = "alpha", kind: PipelineType = PipelineType.TRAINING_DAG) -> Pipeline:
    return Pipeline(new_id(), team, name, kind, STEPS, "ann", NOW)


def an_execution(pipeline: Pipeline) -> Execution:
    return Execution(
        id=new_id(),
        team=pipeline.team,
        pipeline_id=pipeline.id,
        pipeline_name=pipeline.name,
        pipeline_revision=pipeline.revision,
        type=pipeline.type,
        steps=tuple(Step(id=new_id(), definition=each) for each in pipeline.steps),
        input={"model": "delays", "rate": 0.5},
        cause=Cause("ann", "event-1", "corr-1", {"traceparent": "00-1-2-01"}),
        created_at=NOW,
        sequence=1,
    )


async def kept(stores, *, team: str = "alpha", name: str = "p") -> Execution:
    pipeline = a_pipeline(name, team)
    execution = an_execution(pipeline)
    async with stores.transactions() as tx:
        await tx.pipelines.add(pipeline)
        await tx.executions.add(execution)
    return execution


def a_deployment(execution: Execution, version: str = "1", attempt: int = 1) -> Deployment:
    return Deployment(
        runtime=f"runtime-{execution.id.replace('-', '')}-{attempt}-a",
        team=execution.team,
        model_id="m1",
        model_name="delays",
        version_id=f"v{version}",
        version=version,
        endpoint="127.0.0.1:1000",
        weight_bps=0,
        execution_id=execution.id,
        deployed_at=NOW,
        signature=b"\x0a\x00",
        artifact_digest="sha256:1",
    )


async def test_a_pipeline_is_read_back_as_it_was_made(stores):
    pipeline = a_pipeline()
    async with stores.transactions() as tx:
        await tx.pipelines.add(pipeline)
    assert await stores.reads.pipeline("alpha", pipeline.id) == pipeline
    assert await stores.reads.pipeline("beta", pipeline.id) is None
    async with stores.transactions() as tx:
        with pytest.raises(AlreadyExists):
            await tx.pipelines.add(a_pipeline())
        await tx.pipelines.add(a_pipeline(team="beta"))


async def test_an_execution_is_read_back_as_it_was_triggered(stores):
    execution = await kept(stores)
    assert await stores.reads.execution("alpha", execution.id) == execution
    assert await stores.reads.execution("beta", execution.id) is None
    (first,) = await stores.reads.transitions(execution, 0, 10)
    assert (first.sequence, first.status, first.step, first.at) == (1, ExecutionStatus.PENDING, None, NOW)


async def test_progress_is_kept_with_its_transitions(stores):
    execution = await kept(stores)
    (lease,) = await stores.leases.claim("w", 10, 60.0)
    assert await stores.leases.load(lease) == execution
    begun = scheduling.advance(execution, NOW)
    started = attempts.start(begun.execution, "a", NOW)
    failed = attempts.retry(started.execution, "a", "no data", NOW + timedelta(seconds=3), NOW)
    for progress in (begun, started, failed):
        async with stores.transactions() as tx:
            await tx.executions.save(progress, lease)
    present = await stores.reads.execution("alpha", execution.id)
    assert present == failed.execution
    told = execution
    for transition in await stores.reads.transitions(execution, 1, 10):
        told = after(told, transition)
    assert told == present
    assert [each.sequence for each in await stores.reads.transitions(execution, 2, 1)] == [3]


async def test_a_write_with_an_older_token_is_refused_and_changes_nothing(stores):
    execution = await kept(stores)
    (old,) = await stores.leases.claim("one", 10, 0.0)
    (new,) = await stores.leases.claim("two", 10, 60.0)
    assert new.token > old.token
    progress = scheduling.advance(execution, NOW)
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


async def test_a_free_execution_is_claimed_once_oldest_first(stores):
    executions = [await kept(stores, name=f"p{number}") for number in range(6)]
    claims = await asyncio.gather(*(stores.leases.claim(f"w{number}", 2, 60.0) for number in range(4)))
    claimed = [lease.execution_id for leases in claims for lease in leases]
    assert sorted(claimed) == sorted(each.id for each in executions)
    assert await stores.leases.claim("late", 10, 60.0) == []


async def test_a_claimer_passes_over_what_it_works_on_itself(stores):
    execution = await kept(stores)
    await stores.leases.claim("w", 10, 0.0)
    assert await stores.leases.claim("w", 10, 60.0, frozenset({execution.id})) == []
    assert len(await stores.leases.claim("w", 10, 60.0)) == 1


async def test_an_ended_execution_is_not_claimed(stores):
    execution = await kept(stores)
    (lease,) = await stores.leases.claim("w", 10, 60.0)
    cancelled = replace(execution, cancellation=Cancellation("bob", ""))
    async with stores.transactions() as tx:
        await tx.executions.save(scheduling.advance(cancelled, NOW), lease)
    await stores.leases.release(lease, 0.0)
    assert await stores.leases.claim("w", 10, 60.0) == []


async def test_the_wish_to_cancel_reaches_whoever_renews(stores):
    execution = await kept(stores)
    (lease,) = await stores.leases.claim("w", 10, 60.0)
    assert await stores.leases.renew(lease, 60.0) is None
    wish = Cancellation("bob", "why not")
    async with stores.transactions() as tx:
        found = await tx.executions.find("alpha", execution.id)
        assert found == execution
        assert not await tx.executions.idle(execution.id)
        await tx.executions.ask_to_cancel(execution.id, wish)
    assert await stores.leases.renew(lease, 60.0) == wish
    assert (await stores.reads.execution("alpha", execution.id)).cancellation == wish


async def test_executions_are_listed_by_team_pipeline_and_status(stores):
    first, second = [await kept(stores, name=name) for name in ("p", "q")]
    foreign = await kept(stores, team="beta")
    async with stores.transactions() as tx:
        pipeline = await tx.pipelines.find("alpha", first.pipeline_id)
        more = [an_execution(pipeline) for _ in range(3)]
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


async def test_pipelines_are_listed_by_team_and_type(stores):
    made = [
        a_pipeline("p"),
        a_pipeline("q", kind=PipelineType.BATCH_INFERENCE),
        a_pipeline("r"),
        a_pipeline("p", "beta"),
    ]
    async with stores.transactions() as tx:
        for each in made:
            await tx.pipelines.add(each)
    page = PageRequest(10)
    assert await stores.reads.pipelines("alpha", None, page) == [made[2], made[1], made[0]]
    assert await stores.reads.pipelines("alpha", PipelineType.TRAINING_DAG, page) == [made[2], made[0]]
    assert await stores.reads.pipelines("alpha", None, PageRequest(1, (made[2].id,))) == [made[1]]


async def test_the_first_live_version_takes_everything_and_the_next_ones_nothing(stores):
    one, two = await kept(stores, name="p"), await kept(stores, name="q")
    async with stores.transactions() as tx:
        first = await tx.deployments.deploy(a_deployment(one, "1"))
        second = await tx.deployments.deploy(a_deployment(two, "2"))
        again = await tx.deployments.deploy(a_deployment(two, "2"))
    assert (first.weight_bps, second.weight_bps, again) == (10_000, 0, None)
    async with stores.transactions() as tx:
        await tx.deployments.set_weights("alpha", "delays", {"1": 0, "2": 10_000})
        assert [each.version for each in await tx.deployments.others("alpha", "delays", second.runtime)] == ["1"]
    live = {each.version: each.weight_bps for each in await stores.deployments.live("alpha", "delays")}
    assert live == {"1": 0, "2": 10_000}
    assert await stores.deployments.live("beta", "delays") == []


async def test_a_deployment_drains_before_it_is_gone(stores):
    execution = await kept(stores)
    async with stores.transactions() as tx:
        deployed = await tx.deployments.deploy(a_deployment(execution))
    await stores.deployments.gone(deployed.runtime)
    assert (await stores.deployments.find(deployed.runtime)).state is DeploymentState.LIVE
    async with stores.transactions() as tx:
        ended = await tx.deployments.undeploy(deployed.runtime, NOW + timedelta(seconds=5))
        assert await tx.deployments.undeploy(deployed.runtime, NOW) is None
        assert await tx.deployments.move(deployed.runtime, "127.0.0.1:2000") is None
    assert (ended.state, ended.weight_bps) == (DeploymentState.DRAINING, 0)
    assert await stores.deployments.all_live() == []
    assert await stores.deployments.drained(NOW) == []
    (due,) = await stores.deployments.drained(NOW + timedelta(seconds=5))
    assert due.runtime == deployed.runtime
    assert await stores.deployments.in_use([deployed.runtime]) == {deployed.runtime}
    await stores.deployments.gone(deployed.runtime)
    assert await stores.deployments.drained(NOW + timedelta(days=1)) == []
    assert await stores.deployments.in_use([deployed.runtime]) == frozenset()


async def test_a_moved_runtime_changes_its_address_once(stores):
    execution = await kept(stores)
    async with stores.transactions() as tx:
        deployed = await tx.deployments.deploy(a_deployment(execution))
        moved = await tx.deployments.move(deployed.runtime, "127.0.0.1:2000")
        assert await tx.deployments.move(deployed.runtime, "127.0.0.1:2000") is None
    assert moved.endpoint == "127.0.0.1:2000"


async def test_deployments_of_every_team_are_paged(stores):
    executions = [await kept(stores, team=team) for team in ("alpha", "beta", "gamma")]
    async with stores.transactions() as tx:
        for each in executions:
            await tx.deployments.deploy(a_deployment(each))
    first = await stores.deployments.page(PageRequest(2))
    rest = await stores.deployments.page(PageRequest(2, (first[-1].runtime,)))
    assert {each.team for each in (*first, *rest)} == {"alpha", "beta", "gamma"}
    assert len(first) == 2


async def test_an_attempt_that_runs_has_a_right_to_its_runtime(stores):
    execution = await kept(stores)
    (lease,) = await stores.leases.claim("w", 10, 60.0)
    names = [a_deployment(execution, attempt=number).runtime for number in (1, 2)]
    assert await stores.deployments.in_use([*names, "not-ours"]) == frozenset()
    begun = scheduling.advance(execution, NOW)
    started = attempts.start(begun.execution, "a", NOW)
    for progress in (begun, started):
        async with stores.transactions() as tx:
            await tx.executions.save(progress, lease)
    assert await stores.deployments.in_use(names) == {names[0]}
    async with stores.transactions() as tx:
        await tx.executions.save(attempts.complete(started.execution, "a", {}, NOW), lease)
    assert await stores.deployments.in_use(names) == frozenset()


async def test_one_execution_at_a_time_has_the_turn_of_a_model(stores):
    one, two = await kept(stores, name="p"), await kept(stores, name="q")
    assert await stores.deployments.take_turn("alpha", "delays", one.id) == one.id
    assert await stores.deployments.take_turn("alpha", "delays", two.id) == one.id
    assert await stores.deployments.take_turn("alpha", "fares", two.id) == two.id
    assert await stores.deployments.take_turn("alpha", "delays", one.id) == one.id
    async with stores.transactions() as tx:
        await tx.executions.end(one.id)
    assert await stores.deployments.take_turn("alpha", "delays", two.id) == two.id


async def test_an_ended_execution_gets_no_turn(stores):
    execution = replace(await kept(stores), cancellation=Cancellation("bob", ""))
    (lease,) = await stores.leases.claim("w", 10, 60.0)
    async with stores.transactions() as tx:
        await tx.executions.save(scheduling.advance(execution, NOW), lease)
    assert await stores.deployments.take_turn("alpha", "delays", execution.id) == ""


async def test_log_lines_are_numbered_over_all_attempts(stores):
    execution = await kept(stores)
    for texts, skipped in ((["one", "two"], 0), (["nine"], 6)):
        async with stores.transactions() as tx:
            await tx.logs.append(execution.id, "a", texts, skipped, NOW)
    lines = await stores.reads.log(execution.id, "a", 0, 10)
    assert [(line.number, line.text) for line in lines] == [(1, "one"), (2, "two"), (9, "nine")]
    assert await stores.reads.last_line(execution.id, "a") == 9
    assert await stores.reads.last_line(execution.id, "b") == 0
    assert [line.number for line in await stores.reads.log(execution.id, "a", 1, 1)] == [2]


async def test_what_fails_in_a_transaction_leaves_nothing(stores):
    pipeline = a_pipeline()
    with pytest.raises(ZeroDivisionError):
        async with stores.transactions() as tx:
            await tx.pipelines.add(pipeline)
            raise ZeroDivisionError
    assert await stores.reads.pipeline("alpha", pipeline.id) is None
