"""Many executions with failures, cancellations and workers that come and go: whatever happens, all of it ends well."""

import asyncio
import contextlib
from collections import Counter
from random import Random

import pytest
from fp_kernel import Error, Unavailable
from fp_pipeline.domain.definition import PipelineType, StepType
from fp_pipeline.domain.execution import ExecutionStatus, StepStatus

OPEN = {StepStatus.PENDING, StepStatus.RUNNING, StepStatus.COMPENSATING}
LIVES, TROUBLES = 30, 200
PEER_CALLS = ("version", "start_runtime", "look", "split", "promote", "stop_runtime", "start_job", "get")


async def a_graph(service, random, number):
    steps = []
    for index in range(random.randint(1, 6)):
        parents = random.sample([step.id for step in steps], k=random.randint(0, min(index, 2)))
        retries = random.randint(0, 2)
        steps.append(service.step(f"g{number}-{index}", StepType.CUSTOM, *parents, max_retries=retries))
        service.jobs.failing[steps[-1].id] = random.choice([0, 0, 0, 1, 5])
    return await service.trigger(await service.pipeline(PipelineType.TRAINING_DAG, *steps, name=f"graph {number}"))


async def a_deployment(service, random, number):
    model = random.choice(["delays", "fares"])
    service.world.add_version(model, str(number))
    pipeline = await service.pipeline(PipelineType.DEPLOYMENT_SAGA, *service.saga, name=f"saga {number}")
    return await service.trigger(pipeline, model=model, version=str(number))


async def restart_workers(service, random):
    """Workers live for a moment; the next ones go on, and the last ones stay."""
    for _ in range(LIVES):
        async with service.working(workers=random.randint(1, 3)):
            await asyncio.sleep(random.uniform(0.01, 0.15))
    async with service.working(workers=2):
        await asyncio.Event().wait()


async def disturb(service, random, executions):
    for _ in range(TROUBLES):
        service.world.fail(random.choice(PEER_CALLS), 1, lambda: Unavailable("away"))
        if random.random() < 0.2:
            # It may have ended, or be on its way back already.
            with contextlib.suppress(Error):
                await service.cancel(random.choice(executions).id, "storm")
        await asyncio.sleep(random.uniform(0.0, 0.02))


@pytest.mark.parametrize("seed", range(2))
async def test_everything_ends_and_nothing_is_left_behind(service, seed):
    random = Random(seed)  # noqa: S311 -- not for secrets
    executions = [
        await (a_graph if random.random() < 0.5 else a_deployment)(service, random, number) for number in range(24)
    ]
    async with asyncio.TaskGroup() as group:
        noise = [
            group.create_task(restart_workers(service, random)),
            group.create_task(disturb(service, random, executions)),
        ]
        ended = [await service.ended(each.id) for each in executions]
        for task in noise:
            task.cancel()
    assert {each.status for each in ended} <= {
        ExecutionStatus.COMPLETED,
        ExecutionStatus.FAILED,
        ExecutionStatus.CANCELLED,
    }
    assert not [step for each in ended for step in each.steps if step.status in OPEN]
    numbers = Counter(execution_id for execution_id, _ in service.stores.state.transitions)
    assert numbers == {each.id: each.sequence for each in ended}
    assert service.stores.state.turns == {}
    assert "RUNNING" not in {job["state"] for job in service.world["jobs"].values()}
    for call in PEER_CALLS:
        service.world.fail(call, 0)
    await service.reconciler.once()
    live = {each.runtime: each for each in service.stores.state.deployments.values() if each.state.value == "LIVE"}
    assert set(service.world["runtimes"]) == set(live)
    for model in {each.model_name for each in live.values()}:
        assert sum(each.weight_bps for each in live.values() if each.model_name == model) == 10_000
