"""Peers that are away, stores that hang, workers that are full: work waits and is neither failed nor done twice."""

import asyncio
from dataclasses import replace

import pytest
from fp_kernel import Unavailable
from fp_pipeline.app.lease_renewal import LeaseRenewal
from fp_pipeline.domain.definition import PipelineType, StepType
from fp_pipeline.domain.execution import ExecutionStatus, StepStatus
from fp_pipeline.domain.lease import LeaseLost
from fp_pipeline.domain.policy import Backoff, LeasePolicy
from fp_testkit.patience import PATIENCE
from pipeline_fakes.probe import FakeProbe

SAGA_CALLS = ("version", "start_runtime", "look", "split", "in_production", "promote")
GRAPH_CALLS = (
    "find_job",
    "issue_token",
    "start_job",
    "get",
    "ensure_model",
    "create_version",
    "by_id",
    "digest",
    "send",
    "confirm_upload",
)


def away():
    return Unavailable("away for a moment")


@pytest.mark.parametrize("call", SAGA_CALLS)
async def test_a_deployment_without_retries_waits_for_a_peer_that_is_away(service, call):
    service.saga = tuple(replace(step, max_retries=0) for step in service.saga)
    for version in ("1", "2"):
        service.world.add_version("delays", version)
    await service.deploy("1")
    service.world.fail(call, 3, away)
    execution = await service.deploy("2")
    assert execution.status is ExecutionStatus.COMPLETED, execution.error
    assert [step.attempt for step in execution.steps] == [1, 1, 1, 1]
    assert len(service.live) == 1


@pytest.mark.parametrize("call", GRAPH_CALLS)
async def test_a_training_without_retries_waits_for_a_peer_that_is_away(service, call):
    service.world.fail(call, 3, away)
    execution = await service.run(PipelineType.TRAINING_DAG, *service.training)
    assert execution.status is ExecutionStatus.COMPLETED, execution.error
    assert [step.attempt for step in execution.steps] == [1, 1, 1]
    assert len(service.world["versions"]) == 1
    assert len(service.world["jobs"]) == 2


async def test_a_take_back_that_meets_an_outage_is_a_retry(service, monkeypatch):
    service.world.add_version("delays", "1")
    look, faults = FakeProbe.look, iter([True])

    async def faulty(*arguments):
        if next(faults, False):
            raise RuntimeError("a bug")
        return await look(*arguments)

    monkeypatch.setattr(FakeProbe, "look", faulty)
    service.world.fail("stop_runtime", service.policy.compensation_attempts, away)
    execution = await service.deploy("1")
    assert execution.status is ExecutionStatus.COMPLETED, execution.error
    assert execution.step("deploy").attempt == 2
    assert len(service.world["runtimes"]) == 2, "the first attempt's could not be stopped"
    await service.reconciler.once()
    assert list(service.world["runtimes"]) == list(service.stores.state.deployments)


async def test_a_job_that_could_not_be_stopped_is_stopped_before_the_next_one(service):
    service.jobs.lasting = {"a"}
    step = service.step("a", StepType.CUSTOM, timeout=1.0, max_retries=1)
    service.world.fail("stop_job", service.policy.compensation_attempts, away)
    execution = await service.trigger(await service.pipeline(PipelineType.TRAINING_DAG, step))
    async with service.working():
        await service.until(execution.id, lambda _: len(service.world["jobs"]) == 2)
        states = [job["state"] for job in service.world["jobs"].values()]
        assert states == ["FAILED", "RUNNING"]
        await service.cancel(execution.id)
        await service.ended(execution.id)


async def test_a_compensation_outlasts_an_outage(service):
    service.world.add_version("delays", "1")
    service.world.fail("promote", 1, lambda: RuntimeError("refused"))
    service.world.fail("stop_runtime", 3 * service.policy.compensation_attempts, away)
    execution = await service.deploy("1", *(replace(step, max_retries=0) for step in service.saga))
    assert execution.step("deploy").status is StepStatus.COMPENSATED
    assert service.world["runtimes"] == {}


async def test_a_cancellation_does_not_wait_for_the_pauses_of_a_take_back(service, monkeypatch):
    service.world.add_version("delays", "1")
    service.policy = replace(service.policy, compensation_backoff=Backoff(initial=3_600.0, jitter=0.0))

    async def faulty(*_arguments):
        raise RuntimeError("a bug")

    monkeypatch.setattr(FakeProbe, "look", faulty)
    service.world.fail("stop_runtime", 1, away)
    pipeline = await service.pipeline(PipelineType.DEPLOYMENT_SAGA, *service.saga)
    execution = await service.trigger(pipeline, model="delays", version="1")
    async with service.working():
        await service.until(execution.id, lambda _: service.world.count("stop_runtime") == 1)
        await service.cancel(execution.id, "enough")
        ended = await service.ended(execution.id)
    assert (ended.status, ended.error) == (ExecutionStatus.CANCELLED, "cancelled by ann: enough")
    assert service.world["runtimes"] == {}


async def test_a_renewal_that_hangs_ends_the_work_with_the_lease(service, monkeypatch):
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, service.step("a", StepType.CUSTOM))
    await service.trigger(pipeline)
    store = service.stores.execution_store
    (lease,) = await store.claim("w", 1, 60.0)

    async def hung(*_arguments):
        await asyncio.Event().wait()

    monkeypatch.setattr(store, "renew", hung)
    renewal = LeaseRenewal(store, service.stores.signals, LeasePolicy(ttl=60.0, heartbeat=15.0), service.clock)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(LeaseLost):
            await renewal.renew_always(lease, service.clock.monotonic() + 0.05, lambda _: None)


async def test_a_full_worker_takes_the_next_execution_when_one_ends(service, monkeypatch):
    """Nothing but the ends of executions wakes it: it polls once an hour, and all were triggered before it began."""
    service.worker_policy = replace(service.worker_policy, capacity=2, poll=3_600.0)
    store, claimed = service.stores.execution_store, []
    claim = store.claim

    async def counted(*arguments):
        found = await claim(*arguments)
        claimed.append(len(found))
        return found

    monkeypatch.setattr(store, "claim", counted)
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, service.step("a", StepType.CUSTOM))
    executions = [await service.trigger(pipeline) for _ in range(9)]
    async with service.working():
        for execution in executions:
            assert (await service.ended(execution.id)).status is ExecutionStatus.COMPLETED
    assert sum(claimed) == 9
    assert len(claimed) <= 10, "one when it began, one for each end at most"
