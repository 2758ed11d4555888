"""Claiming, resuming, cancelling: the engine over stores in memory."""

import asyncio
from dataclasses import replace

import pytest
from fp_kernel import Unavailable
from fp_pipeline import engine
from fp_pipeline.app.journal import Journal, Record
from fp_pipeline.app.step_runs import StepRuns
from fp_pipeline.domain.definition import PipelineType, StepType
from fp_pipeline.domain.execution import Cancellation, ExecutionStatus, StepStatus
from fp_pipeline.domain.lease import LeaseLost
from fp_pipeline.domain.policy import LeasePolicy
from fp_pipeline.domain.scheduling import RunStep
from fp_pipeline.domain.validation import JobModules
from fp_testkit.patience import PATIENCE
from pipeline_fakes.peers import FakeRegistry
from pipeline_fakes.probe import FakeProbe
from pipeline_fakes.state import HeldLease


async def test_two_workers_run_each_execution_once(service):
    # No lease ends because the machine is slow.
    service.worker_policy = replace(service.worker_policy, lease=LeasePolicy(ttl=2 * PATIENCE, heartbeat=0.05))
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, service.step("a", StepType.CUSTOM))
    executions = [await service.trigger(pipeline) for _ in range(20)]
    async with service.working(workers=2):
        ended = [await service.ended(each.id) for each in executions]
    assert {each.status for each in ended} == {ExecutionStatus.COMPLETED}
    assert service.world.count("start_job") == 20
    assert {lease.token for lease in service.stores.state.leases.values()} == {1}


async def test_a_worker_that_stops_gives_its_work_back_at_once(service):
    service.world.add_version("delays", "1")
    service.probe.slow.add("delays-1")
    pipeline = await service.pipeline(PipelineType.DEPLOYMENT_SAGA, *service.saga)
    execution = await service.trigger(pipeline, model="delays", version="1")
    async with service.working():
        await service.until(execution.id, lambda seen: seen.step("deploy").status is StepStatus.RUNNING)
    service.probe.slow.clear()
    async with service.working():
        ended = await service.ended(execution.id)
    assert ended.status is ExecutionStatus.COMPLETED
    assert ended.step("deploy").attempt == 1
    assert len(service.world["runtimes"]) == 1


async def test_a_worker_that_lost_its_lease_writes_nothing_more(service):
    service.jobs.lasting = {"a"}
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, service.step("a", StepType.CUSTOM))
    execution = await service.trigger(pipeline)
    leases = service.stores.state.leases
    async with service.working():
        await service.until(execution.id, lambda _: len(service.world["jobs"]) == 1)
        leases[execution.id] = HeldLease("thief", leases[execution.id].token + 1, float("inf"))
        written = len(service.stores.state.transitions)
        (job,) = service.world["jobs"].values()
        job["state"] = "SUCCEEDED"
        async with asyncio.timeout(PATIENCE):
            await service.idle.wait()
    assert len(service.stores.state.transitions) == written
    assert service.stores.state.executions[execution.id].step("a").status is StepStatus.RUNNING


async def test_a_worker_does_not_take_an_execution_from_itself(service):
    service.jobs.lasting = {"a"}
    service.worker_policy = replace(service.worker_policy, lease=LeasePolicy(ttl=0.001, heartbeat=30))
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, service.step("a", StepType.CUSTOM))
    execution = await service.trigger(pipeline)
    async with service.working():
        await service.until(execution.id, lambda _: len(service.world["jobs"]) == 1)
        other = await service.trigger(pipeline)
        await service.until(other.id, lambda _: len(service.world["jobs"]) == 2)
        assert service.stores.state.leases[execution.id].token == 1


async def test_a_stale_lease_is_refused_by_every_write(service):
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, service.step("a", StepType.CUSTOM))
    await service.trigger(pipeline)
    store = service.stores.execution_store
    (first,) = await store.claim("one", 1, 0.0)
    (second,) = await store.claim("two", 1, 60.0)
    assert second.token > first.token
    for call in (store.renew(first, 1.0), store.load(first)):
        with pytest.raises(LeaseLost):
            await call
    await store.release(first, 0.0)
    assert await store.claim("three", 1, 60.0) == []


async def test_a_cancelled_saga_takes_back_the_attempt_that_was_running(service):
    service.world.add_version("delays", "1")
    service.probe.slow.add("delays-1")
    pipeline = await service.pipeline(PipelineType.DEPLOYMENT_SAGA, *service.saga)
    execution = await service.trigger(pipeline, model="delays", version="1")
    async with service.working():
        await service.until(execution.id, lambda _: len(service.world["runtimes"]) == 1)
        await service.cancel(execution.id, "wrong version")
        ended = await service.ended(execution.id)
    assert ended.status is ExecutionStatus.CANCELLED
    assert ended.error == "cancelled by ann: wrong version"
    assert [each.status.value for each in ended.steps] == ["COMPENSATED", "FAILED", "SKIPPED", "SKIPPED"]
    assert service.world["runtimes"] == {}
    assert service.live == {}
    assert service.stores.state.turns == {}


async def test_a_cancelled_graph_stops_its_jobs(service):
    service.jobs.lasting = {"a", "b"}
    steps = [service.step(name, StepType.CUSTOM) for name in ("a", "b")]
    execution = await service.trigger(
        await service.pipeline(PipelineType.TRAINING_DAG, *steps, service.step("c", StepType.CUSTOM, "a"))
    )
    async with service.working():
        await service.until(execution.id, lambda _: len(service.world["jobs"]) == 2)
        await service.cancel(execution.id)
        ended = await service.ended(execution.id)
    assert ended.status is ExecutionStatus.CANCELLED
    assert {started["reason"] for started in service.world["jobs"].values()} == {"stopped"}
    assert ended.step("c").status is StepStatus.SKIPPED


async def test_a_cancelled_promotion_puts_the_traffic_back(service):
    service.world.add_version("delays", "1")
    service.world.add_version("delays", "2")
    await service.deploy("1")
    service.world.fail("promote", 9_999, lambda: Unavailable("the registry is away"))
    pipeline = await service.pipeline(PipelineType.DEPLOYMENT_SAGA, *service.saga, name="second")
    execution = await service.trigger(pipeline, model="delays", version="2")
    async with service.working():
        await service.until(execution.id, lambda _: service.live.get("2") == 10_000)
        await service.cancel(execution.id)
        ended = await service.ended(execution.id)
    assert ended.status is ExecutionStatus.CANCELLED
    assert service.live == {"1": 10_000}
    assert service.world["splits"]["delays"] == {"1": 10_000, "2": 0}
    assert service.world.production("delays") == "delays-1"


async def test_a_store_that_is_away_for_a_moment_only_delays_the_execution(service, monkeypatch):
    service.world.add_version("delays", "1")
    store = service.stores.execution_store
    save, failures = store.save, iter([False, False, True, False, True])

    async def shaky(progress, lease):
        if next(failures, False):
            raise Unavailable("the database is away")
        await save(progress, lease)

    monkeypatch.setattr(store, "save", shaky)
    monkeypatch.setattr("fp_pipeline.app.worker._LONGEST_PAUSE", 0.01)
    execution = await service.deploy("1")
    assert execution.status is ExecutionStatus.COMPLETED
    assert service.live == {"1": 10_000}
    assert len(service.world["runtimes"]) == 1


async def test_a_fault_in_an_executor_fails_the_step_and_not_the_worker(service, monkeypatch):
    service.world.add_version("delays", "1")

    async def broken(*_arguments):
        raise RuntimeError("a bug")

    monkeypatch.setattr(FakeProbe, "look", broken)
    monkeypatch.setattr(FakeRegistry, "in_production", broken)
    execution = await service.deploy("1", *service.saga[:2])
    assert execution.error == "step 'deploy': internal error"
    assert "a bug" not in execution.error
    assert service.world["runtimes"] == {}


async def test_a_declared_compensation_runs_as_a_job_of_its_own(service):
    service.jobs.failing = {"b": 9}
    steps = [
        service.step("a", StepType.CUSTOM, compensation_step_id="clean"),
        service.step("clean", StepType.CUSTOM),
        service.step("b", StepType.CUSTOM),
    ]
    service.jobs.results = {"clean": {"removed": 3}}
    execution = await service.run(PipelineType.DEPLOYMENT_SAGA, *steps)
    assert execution.step("a").status is StepStatus.COMPENSATED
    assert execution.step("clean").output == {"removed": 3}


async def test_a_compensation_job_that_keeps_failing_is_told_as_such(service):
    service.jobs.failing = {"b": 9, "clean": 9}
    steps = [
        service.step("a", StepType.CUSTOM, compensation_step_id="clean"),
        service.step("clean", StepType.CUSTOM),
        service.step("b", StepType.CUSTOM),
    ]
    execution = await service.run(PipelineType.DEPLOYMENT_SAGA, *steps)
    assert execution.step("a").status is StepStatus.COMPENSATION_FAILED
    assert execution.step("clean").attempt == 3
    assert execution.status is ExecutionStatus.FAILED


async def test_steps_beside_each_other_run_at_the_same_time_within_a_bound(service):
    names = ("a", "b", "c", "d")
    service.jobs.lasting = set(names)
    service.policy = replace(service.policy, parallelism=3)
    steps = [service.step(name, StepType.CUSTOM) for name in names]
    execution = await service.trigger(await service.pipeline(PipelineType.TRAINING_DAG, *steps))
    async with service.working():
        seen = await service.until(execution.id, lambda _: len(service.world["jobs"]) == 3)
        running = [each.step_id for each in seen.steps if each.status is StepStatus.RUNNING]
        assert running == ["a", "b", "c"]
        await service.cancel(execution.id)
        await service.ended(execution.id)
    assert len(service.world["jobs"]) == 3


@pytest.mark.parametrize("turned", [{"status": ExecutionStatus.CANCELLED}, {"cancellation": Cancellation("bob", "")}])
async def test_a_step_that_was_about_to_start_does_not_when_the_execution_turned_back(service, turned):
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, service.step("a", StepType.CUSTOM))
    execution = await service.trigger(pipeline)
    (lease,) = await service.stores.execution_store.claim("w", 1, 60.0)
    record = Record(
        lease,
        replace(execution, **({"status": ExecutionStatus.RUNNING} | turned)),
        Journal(service.stores.transactions, service.clock),
    )
    steps = engine.steps(
        service.peers,
        service.stores.deployments,
        service.stores.statistics,
        service.policy,
        unread=service.unread,
        modules=JobModules(frozenset()),
        clock=service.clock,
    )
    runs = StepRuns(record, steps, service.policy, service.clock, lambda: 0.0)
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(record.write_changes())
        await runs.run(RunStep("a", resumed=False))
        keeping.cancel()
    assert len(service.stores.state.transitions) == 1
    assert service.world.calls == []
