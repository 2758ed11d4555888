"""What jobs used is told with the end of their step, however it ends, so that it can be billed."""

import pytest
from fp_pipeline.domain.definition import PipelineType, StepType
from fp_pipeline.domain.execution import ExecutionStatus, StepStatus


def compute_seconds(service):
    """Compute seconds by step, as the events say; None where none are told."""
    steps = [event.payload for event in service.stores.events if ".step." in event.type]
    return {
        step.step_id: step.compute.ToTimedelta().total_seconds() if step.HasField("compute") else None for step in steps
    }


@pytest.fixture
def costly(service):
    service.jobs.seconds = 2.5
    return service


async def test_a_completed_step_tells_the_seconds_of_all_its_attempts(costly):
    costly.jobs.failing = {"a": 2}
    await costly.run(PipelineType.TRAINING_DAG, costly.step("a", StepType.TRAIN, max_retries=2))
    assert compute_seconds(costly) == {"a": 7.5}
    (completed,) = [event.payload for event in costly.stores.events if event.type.endswith("step.completed")]
    assert (completed.pipeline_type, completed.pipeline_name) == (2, "p")


async def test_a_failed_step_has_used_its_seconds_too(costly):
    costly.jobs.failing = {"a": 9}
    await costly.run(PipelineType.TRAINING_DAG, costly.step("a", StepType.CUSTOM, max_retries=1))
    assert compute_seconds(costly) == {"a": 5.0}


async def test_a_cancelled_job_has_used_its_seconds_too(costly):
    costly.jobs.lasting = {"a"}
    steps = [costly.step("a", StepType.CUSTOM), costly.step("b", StepType.CUSTOM, "a")]
    execution = await costly.trigger(await costly.pipeline(PipelineType.TRAINING_DAG, *steps))
    async with costly.working():
        await costly.until(execution.id, lambda _: len(costly.world["jobs"]) == 1)
        await costly.cancel(execution.id)
        ended = await costly.ended(execution.id)
    assert ended.status is ExecutionStatus.CANCELLED
    assert compute_seconds(costly) == {"a": 2.5}


async def test_a_step_that_fans_out_tells_the_seconds_of_its_items(costly):
    fan_out = costly.step("each", StepType.CUSTOM, config={"fan_out": {"items": [1, 2, 3]}})
    await costly.run(PipelineType.TRAINING_DAG, fan_out)
    assert compute_seconds(costly) == {"each": 7.5}


async def test_a_saga_uses_no_compute_however_long_its_canary_waits(costly):
    costly.world.add_version("delays", "1")
    execution = await costly.deploy("1")
    assert execution.status is ExecutionStatus.COMPLETED
    assert set(compute_seconds(costly).values()) == {None}


def saga(service, **undoer):
    """`b` fails behind `a`, which `u` undoes."""
    return [
        service.step("a", StepType.CUSTOM, compensation_step_id="u"),
        service.step("b", StepType.CUSTOM, max_retries=0),
        service.step("u", StepType.CUSTOM, **undoer),
    ]


async def test_a_job_that_compensates_has_used_its_seconds_too(costly):
    costly.jobs.failing = {"b": 9}
    execution = await costly.run(PipelineType.DEPLOYMENT_SAGA, *saga(costly))
    assert execution.status is ExecutionStatus.FAILED
    assert compute_seconds(costly) == {"a": 2.5, "b": 2.5, "u": 2.5}
    kinds = {event.payload.step_id: event.type for event in costly.stores.events if ".step." in event.type}
    assert kinds["u"] == "fp.pipelines.step.completed"


async def test_the_seconds_of_all_tries_to_compensate_are_told_once(costly):
    costly.jobs.failing = {"b": 9, "u": 2}
    await costly.run(PipelineType.DEPLOYMENT_SAGA, *saga(costly))
    assert compute_seconds(costly) == {"a": 2.5, "b": 2.5, "u": 7.5}
    assert sum(event.payload.step_id == "u" for event in costly.stores.events if ".step." in event.type) == 1


async def test_a_compensation_that_fails_for_good_has_used_its_seconds_too(costly):
    costly.jobs.failing = {"b": 9, "u": 99}
    execution = await costly.run(PipelineType.DEPLOYMENT_SAGA, *saga(costly))
    assert execution.step("a").status is StepStatus.COMPENSATION_FAILED
    assert compute_seconds(costly)["u"] == 2.5 * execution.step("u").attempt
    kinds = {event.payload.step_id: event.type for event in costly.stores.events if ".step." in event.type}
    assert kinds["u"] == "fp.pipelines.step.failed"
