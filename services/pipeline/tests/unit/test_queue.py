"""A second deployment of a model waits in a queue, and neither fails there nor keeps others from working."""

from dataclasses import replace

from fp_pipeline.domain.definition import PipelineType, StepType
from fp_pipeline.domain.execution import ExecutionStatus, StepStatus


async def test_a_deployment_waits_for_the_one_before_it_without_spending_its_time_or_a_place(service):
    service.worker_policy = replace(service.worker_policy, capacity=2)
    for model, version in (("delays", "1"), ("delays", "2"), ("delays", "3"), ("fares", "1")):
        service.world.add_version(model, version)
    await service.deploy("1")
    canary = service.step("canary", StepType.CANARY, config={"weight_bps": 500, "min_seconds": 3_000})
    slow = await service.pipeline(PipelineType.DEPLOYMENT_SAGA, *service.saga[:2], canary, name="slow")
    # Waiting would cost this step its only attempt, which may take a second.
    deploy = service.step("deploy", StepType.DEPLOY, timeout=1.0)
    quick = await service.pipeline(PipelineType.DEPLOYMENT_SAGA, deploy, service.saga[3], name="quick")
    async with service.working():
        first = await service.trigger(slow, model="delays", version="2")
        await service.until(first.id, lambda seen: seen.step("canary").status is StepStatus.RUNNING)
        second = await service.trigger(quick, model="delays", version="3")
        seen = await service.until(second.id, lambda seen: bool(seen.step("deploy").error))
        assert seen.step("deploy").error == f"waits for execution {first.id}, which deploys 'delays' now"
        other = await service.ended((await service.trigger(quick, model="fares", version="1")).id)
        assert other.status is ExecutionStatus.COMPLETED, other.error
        waiting = await service.do.queries.execution("alpha", second.id)
        assert (waiting.step("deploy").status, waiting.step("deploy").attempt) == (StepStatus.PENDING, 0)
        assert waiting.sequence == seen.sequence, "it was looked at often and said once that it waits"
        await service.cancel(first.id)
        ended = await service.ended(second.id)
    assert ended.status is ExecutionStatus.COMPLETED, ended.error
    assert (ended.step("deploy").attempt, ended.step("deploy").error) == (1, "")
    assert service.live == {"3": 10_000, "1": 10_000}, "the first version of fares, and the last one of delays"


async def test_a_deployment_that_waits_can_be_cancelled(service):
    for version in ("1", "2", "3"):
        service.world.add_version("delays", version)
    await service.deploy("1")
    canary = service.step("canary", StepType.CANARY, config={"weight_bps": 500, "min_seconds": 3_000})
    slow = await service.pipeline(PipelineType.DEPLOYMENT_SAGA, *service.saga[:2], canary, name="slow")
    async with service.working():
        first = await service.trigger(slow, model="delays", version="2")
        await service.until(first.id, lambda seen: seen.step("canary").status is StepStatus.RUNNING)
        second = await service.trigger(slow, model="delays", version="3")
        await service.until(second.id, lambda seen: bool(seen.step("deploy").error))
        await service.cancel(second.id)
        assert (await service.ended(second.id)).status is ExecutionStatus.CANCELLED
        await service.cancel(first.id)
        await service.ended(first.id)
