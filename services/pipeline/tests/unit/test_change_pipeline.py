"""Changing and deleting a pipeline, and what an execution that is under way then does."""

import pytest
from fp_kernel import Aborted, AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from fp_pipeline.app.peers import Actor
from fp_pipeline.domain.definition import PipelineChange, PipelineType, StepType
from fp_pipeline.domain.execution import ExecutionStatus

ANN = Actor("alpha", "ann")


def update(service, pipeline, name=None, steps=None, then=None, actor=ANN, expected=None):
    change = PipelineChange(name, steps, then)
    return service.do.update_pipeline(actor, pipeline.id, change, service.command(), expected=expected)


def delete(service, pipeline, actor=ANN):
    return service.do.delete_pipeline(actor, pipeline.id, service.command())


async def test_new_steps_are_those_of_the_next_execution_and_not_of_one_under_way(service):
    service.jobs.lasting = {"old"}
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, service.step("old", StepType.CUSTOM))
    before = await service.trigger(pipeline)
    async with service.working():
        await service.until(before.id, lambda _: len(service.world["jobs"]) == 1)
        changed = await update(service, pipeline, steps=(service.step("new", StepType.CUSTOM),))
        after = await service.ended((await service.trigger(pipeline)).id)
        assert [step.step_id for step in after.steps] == ["new"]
        (name,) = [each for each in service.world["jobs"] if "old" in each]
        service.world["jobs"][name]["state"] = "SUCCEEDED"
        service.world["objects"][f"pipelines/{before.id}/old/1/result.json"] = "{}"
        ended = await service.ended(before.id)
    assert (ended.status, [step.step_id for step in ended.steps]) == (ExecutionStatus.COMPLETED, ["old"])
    assert (changed.revision, ended.pipeline_revision, after.pipeline_revision) == (2, 1, 2)


async def test_what_is_not_named_stays(service):
    saga = await service.pipeline(PipelineType.DEPLOYMENT_SAGA, *service.saga, name="deploy")
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, *service.training, name="train")
    followed = await update(service, pipeline, then=saga.id)
    assert (followed.then_pipeline_id, followed.steps, followed.revision) == (saga.id, pipeline.steps, 2)
    renamed = await update(service, pipeline, name="train weekly")
    assert (renamed.name, renamed.then_pipeline_id) == ("train weekly", saga.id)
    assert (await update(service, pipeline, then="")).then_pipeline_id == ""
    assert await update(service, pipeline, steps=pipeline.steps) == await service.do.queries.pipeline(
        "alpha", pipeline.id
    )


async def test_who_did_not_see_the_last_change_overwrites_nothing(service):
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, service.step("a", StepType.CUSTOM))
    renamed = await update(service, pipeline, name="nightly", expected=pipeline.revision)
    assert (await update(service, pipeline, name="nightly", expected=renamed.revision)) == renamed, "as it is already"
    with pytest.raises(Aborted) as caught:
        await update(service, pipeline, steps=(service.step("b", StepType.CUSTOM),), expected=pipeline.revision)
    assert (caught.value.reason, caught.value.metadata["changed_by"]) == ("REVISION_CHANGED", "ann")
    assert await service.do.queries.pipeline("alpha", pipeline.id) == renamed


async def test_a_change_is_checked_as_a_new_pipeline_is(service):
    step = service.step("a", StepType.CUSTOM)
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, step)
    await service.pipeline(PipelineType.TRAINING_DAG, step, name="taken")
    with pytest.raises(InvalidArgument, match=r"steps\[0\]\.depends_on"):
        await update(service, pipeline, steps=(service.step("a", StepType.CUSTOM, "b"),))
    with pytest.raises(AlreadyExists, match="taken"):
        await update(service, pipeline, name="taken")
    with pytest.raises(NotFound):
        await update(service, pipeline, name="mine", actor=Actor("beta", "bob"))
    assert await service.do.queries.pipeline("alpha", pipeline.id) == pipeline


async def test_a_deleted_pipeline_is_gone_but_for_its_name_and_its_executions(service):
    step = service.step("a", StepType.CUSTOM)
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, step)
    execution = await service.trigger(pipeline)
    with pytest.raises(FailedPrecondition, match="has not ended"):
        await delete(service, pipeline)
    async with service.working():
        await service.ended(execution.id)
    with pytest.raises(NotFound):
        await delete(service, pipeline, actor=Actor("beta", "bob"))
    await delete(service, pipeline)
    for gone in (delete(service, pipeline), service.trigger(pipeline), update(service, pipeline, name="x")):
        with pytest.raises(NotFound):
            await gone
    assert (await service.do.queries.pipelines("alpha", None, 10, "")).items == ()
    assert (await service.do.queries.execution("alpha", execution.id)).status is ExecutionStatus.COMPLETED
    with pytest.raises(AlreadyExists):
        await service.pipeline(PipelineType.TRAINING_DAG, step)


async def test_a_pipeline_that_another_one_starts_is_not_deleted(service):
    saga = await service.pipeline(PipelineType.DEPLOYMENT_SAGA, *service.saga, name="deploy")
    training = await service.pipeline(PipelineType.TRAINING_DAG, *service.training, name="train")
    await update(service, training, then=saga.id)
    with pytest.raises(FailedPrecondition, match="'train' starts it"):
        await delete(service, saga)
    await update(service, training, then="")
    await delete(service, saga)
