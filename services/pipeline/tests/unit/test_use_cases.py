"""Commands and reads of the API over stores in memory."""

import asyncio

import pytest
from fp_kernel import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    OutOfRange,
    Replayed,
    next_token,
)
from fp_pipeline.app.peers import Actor
from fp_pipeline.app.watch_execution import WatchExecution
from fp_pipeline.domain.definition import PipelineDraft, PipelineType, StepType
from fp_pipeline.domain.execution import Cause, ExecutionStatus
from fp_testkit.patience import PATIENCE


async def test_a_pipeline_name_is_taken_once_a_team(service):
    step = service.step("a", StepType.CUSTOM)
    await service.pipeline(PipelineType.TRAINING_DAG, step, name="nightly")
    with pytest.raises(AlreadyExists, match="nightly"):
        await service.pipeline(PipelineType.TRAINING_DAG, step, name="nightly")
    draft = PipelineDraft("nightly", PipelineType.TRAINING_DAG, (step,))
    other = await service.do.create_pipeline(Actor("beta", "bob"), draft, service.command())
    assert other.team == "beta"


async def test_a_repeated_creation_answers_the_first_one(service):
    step = service.step("a", StepType.CUSTOM)
    draft = PipelineDraft("nightly", PipelineType.TRAINING_DAG, (step,))
    actor = Actor("alpha", "ann")
    first = await service.do.create_pipeline(actor, draft, service.command("k"))
    with pytest.raises(Replayed) as replayed:
        await service.do.create_pipeline(actor, draft, service.command("k"))
    assert replayed.value.response == first.id.encode()


async def test_a_repeated_trigger_starts_one_execution(service):
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, service.step("a", StepType.CUSTOM))
    actor = Actor("alpha", "ann")
    await service.do.trigger_execution(actor, pipeline.id, {}, Cause("ann"), service.command("k"))
    with pytest.raises(Replayed):
        await service.do.trigger_execution(actor, pipeline.id, {}, Cause("ann"), service.command("k"))
    assert len(service.stores.state.executions) == 1


async def test_a_trigger_answers_before_anything_runs(service):
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, service.step("a", StepType.CUSTOM))
    execution = await service.trigger(pipeline)
    assert execution.status is ExecutionStatus.PENDING
    assert execution.sequence == 1
    assert execution.started_at is None


@pytest.mark.parametrize(
    "given", [{}, {"model": "delays"}, {"model": "delays", "version": 3}, {"model": "", "version": "1"}]
)
async def test_a_saga_says_which_input_it_lacks(service, given):
    pipeline = await service.pipeline(PipelineType.DEPLOYMENT_SAGA, *service.saga)
    with pytest.raises(InvalidArgument) as raised:
        await service.trigger(pipeline, **given)
    assert raised.value.fields[0].field in {"input.model", "input.version"}


async def test_another_teams_pipeline_is_not_there(service):
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, service.step("a", StepType.CUSTOM))
    execution = await service.trigger(pipeline)
    stranger = Actor("beta", "bob")
    with pytest.raises(NotFound):
        await service.do.trigger_execution(stranger, pipeline.id, {}, Cause("bob"), service.command())
    with pytest.raises(NotFound):
        await service.do.cancel_execution(stranger, execution.id, "", service.command())
    with pytest.raises(NotFound):
        await service.do.queries.execution("beta", execution.id)
    with pytest.raises(NotFound):
        await anext(service.do.watch_execution("beta", execution.id, after_sequence=0, include_current_state=True))


async def test_an_execution_that_nobody_works_on_is_cancelled_at_once(service):
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, service.step("a", StepType.CUSTOM))
    execution = await service.trigger(pipeline)
    cancelled = await service.cancel(execution.id, "no need")
    assert cancelled.status is ExecutionStatus.CANCELLED
    assert (await service.ended(execution.id)).error == "cancelled by ann: no need"
    assert service.events == ["failed"]
    async with service.working():
        pass
    assert service.world.calls == []


async def test_cancelling_twice_does_no_harm_and_cancelling_what_ended_is_refused(service):
    execution = await service.run(PipelineType.TRAINING_DAG, service.step("a", StepType.CUSTOM))
    with pytest.raises(FailedPrecondition, match="COMPLETED already"):
        await service.cancel(execution.id)
    other = await service.trigger(service.stores.state.pipelines[execution.pipeline_id])
    await service.cancel(other.id)
    assert (await service.cancel(other.id)).status is ExecutionStatus.CANCELLED


async def test_a_watch_shows_every_transition_in_order_and_resumes(service):
    execution = await service.run(
        PipelineType.TRAINING_DAG, service.step("a", StepType.CUSTOM), service.step("b", StepType.CUSTOM, "a")
    )
    all_seen = await service.watched(execution.id)
    numbers = [seen.execution.sequence for seen in all_seen]
    assert numbers == list(range(1, execution.sequence + 1))
    shown = [
        (seen.transition.step.step_id, seen.transition.step.status.value) for seen in all_seen if seen.transition.step
    ]
    assert shown == [("a", "RUNNING"), ("a", "COMPLETED"), ("b", "RUNNING"), ("b", "COMPLETED")]
    for number in numbers:
        resumed = await service.watched(execution.id, after_sequence=number)
        assert resumed == all_seen[number:]


async def test_a_watch_may_begin_with_the_present_state(service):
    execution = await service.run(PipelineType.TRAINING_DAG, service.step("a", StepType.CUSTOM))
    (present,) = await service.watched(execution.id, include_current_state=True)
    assert present.transition is None
    assert present.execution == execution


async def test_a_watch_that_names_no_beginning_shows_only_what_follows_its_opening(service):
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, service.step("a", StepType.CUSTOM))
    execution = await service.trigger(pipeline)
    opened = asyncio.get_running_loop().create_future()

    class Reads:
        transitions = staticmethod(service.stores.reads.transitions)

        async def execution(self, *asked):
            found = await service.stores.reads.execution(*asked)
            opened.set_result(found)
            return found

    async def watched():
        watch = WatchExecution(Reads(), service.stores.signals, service.clock, poll=0.02)
        return [seen async for seen in watch("alpha", execution.id, after_sequence=None, include_current_state=False)]

    async with asyncio.timeout(PATIENCE):
        watching = asyncio.create_task(watched())
        present = await opened
        await service.cancel(execution.id)
        seen = await watching
    ended = await service.do.queries.execution("alpha", execution.id)
    assert present.sequence > 0, "something had happened before"
    assert [each.execution.sequence for each in seen] == list(range(present.sequence + 1, ended.sequence + 1))
    assert all(each.transition is not None for each in seen)


async def test_an_ended_execution_says_which_step_ran_last(service):
    steps = [service.step("a", StepType.CUSTOM), service.step("b", StepType.CUSTOM, "a")]
    done = await service.run(PipelineType.TRAINING_DAG, *steps)
    assert (done.status, done.current_step) == (ExecutionStatus.COMPLETED, "b")
    service.jobs.failing = {"a": 99}
    failed = await service.run(PipelineType.TRAINING_DAG, *steps, name="fails")
    assert (failed.status, failed.current_step) == (ExecutionStatus.FAILED, "a"), "b was skipped"
    shown = [seen.execution.current_step for seen in await service.watched(done.id)]
    assert shown == ["", "", "a", "a", "b", "b", "b"]


async def test_a_watch_beyond_the_newest_transition_is_refused(service):
    execution = await service.run(PipelineType.TRAINING_DAG, service.step("a", StepType.CUSTOM))
    with pytest.raises(OutOfRange, match="after_sequence"):
        await service.watched(execution.id, after_sequence=99)


async def test_lists_are_paged_newest_first(service):
    step = service.step("a", StepType.CUSTOM)
    pipelines = [await service.pipeline(PipelineType.TRAINING_DAG, step, name=f"p{number}") for number in range(5)]
    executions = [await service.trigger(pipelines[0]) for _ in range(5)]
    queries = service.do.queries
    seen, token = [], ""
    while True:
        page = await queries.executions("alpha", pipelines[0].id, ExecutionStatus.PENDING, 2, token)
        seen += [each.id for each in page.items]
        token = page.next_token
        if not token:
            break
    assert seen == [each.id for each in reversed(executions)]
    page = await queries.pipelines("alpha", PipelineType.TRAINING_DAG, 5, "")
    assert [each.id for each in page.items] == [each.id for each in reversed(pipelines)]
    assert page.next_token == ""
    assert (await queries.pipelines("alpha", PipelineType.DEPLOYMENT_SAGA, 5, "")).items == ()
    assert (await queries.executions("beta", "", None, 5, "")).items == ()


async def test_a_page_token_of_another_list_is_refused(service):
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, service.step("a", StepType.CUSTOM))
    for _ in range(2):
        await service.trigger(pipeline)
    token = (await service.do.queries.executions("alpha", "", None, 1, "")).next_token
    with pytest.raises(InvalidArgument, match="page_token"):
        await service.do.queries.executions("beta", "", None, 1, token)


async def test_a_forged_position_in_a_token_is_refused(service):
    for position in (("nothing",), ("a", "b")):
        token = next_token(position, scope=("alpha", "executions", "", ""))
        with pytest.raises(InvalidArgument, match="page_token"):
            await service.do.queries.executions("alpha", "", None, 1, token)
