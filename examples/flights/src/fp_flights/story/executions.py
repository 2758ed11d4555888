"""Pipelines as the story uses them: apply once, trigger, follow to the end."""

from typing import Any, Final

from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from fp_jobs.patience import patiently
from fp_kernel import AlreadyExists, FailedPrecondition, new_id
from google.protobuf import json_format

from fp_flights.story.narrator import Stage
from fp_flights.story.session import Session

UNDER_WAY: Final = frozenset(
    {pb.EXECUTION_STATUS_PENDING, pb.EXECUTION_STATUS_RUNNING, pb.EXECUTION_STATUS_COMPENSATING}
)
_PAGE = 100
_LONGEST_SECONDS = 600.0


async def apply(session: Session, definition: dict[str, Any]) -> str:
    """Id of the pipeline; a second run of the story finds it there."""
    request = json_format.ParseDict(definition, pb.CreatePipelineRequest())
    request.idempotency_key = new_id()
    try:
        return str((await patiently(lambda: session.pipeline.CreatePipeline(request))).pipeline.id)
    except AlreadyExists:
        return await _by_name(session, definition["name"])


async def run(session: Session, pipeline_id: str, values: dict[str, Any], stage: Stage) -> Any:
    """Trigger and follow; answers the execution with its steps.

    Raises FailedPrecondition with the reason when it does not complete.
    """
    request = pb.TriggerExecutionRequest(pipeline_id=pipeline_id, idempotency_key=new_id())
    request.input.update(values)
    execution_id = (await patiently(lambda: session.pipeline.TriggerExecution(request))).execution.id
    await follow(session, execution_id, stage)
    execution = await get(session, execution_id)
    if execution.status != pb.EXECUTION_STATUS_COMPLETED:
        raise FailedPrecondition(f"{execution.pipeline_name} did not complete: {execution.error}")
    return execution


def output(execution: Any, step_id: str) -> dict[str, Any]:
    """What a step gave; of a refused one what it had measured."""
    step = next(step for step in execution.step_executions if step.step_id == step_id)
    found: dict[str, Any] = json_format.MessageToDict(step.output)
    return found


async def get(session: Session, execution_id: str) -> Any:
    request = pb.GetExecutionRequest(execution_id=execution_id)
    return (await patiently(lambda: session.pipeline.GetExecution(request))).execution


async def listed(session: Session, pipeline_id: str, since: str) -> list[Any]:
    """Executions of a pipeline after an id, oldest first; ids sort by their time."""
    request = pb.ListExecutionsRequest(pipeline_id=pipeline_id)
    request.pagination.page_size = _PAGE
    response = await patiently(lambda: session.pipeline.ListExecutions(request))
    return sorted((each for each in response.executions if each.id > since), key=lambda each: str(each.id))


async def cancel(session: Session, execution_id: str, reason: str) -> None:
    """Raises FailedPrecondition when it has ended."""
    request = pb.CancelExecutionRequest(execution_id=execution_id, reason=reason, idempotency_key=new_id())
    await patiently(lambda: session.pipeline.CancelExecution(request))


async def follow(session: Session, execution_id: str, stage: Stage) -> None:
    """Watch until the stream ends; one that breaks is taken up where it broke."""
    seen = 0

    async def watched() -> None:
        nonlocal seen
        request = pb.WatchExecutionRequest(
            execution_id=execution_id, include_current_state=seen == 0, after_sequence=seen
        )
        async for event in session.pipeline.WatchExecution(request):
            seen = event.sequence
            _narrate(event, stage)

    # A training may last longer than a service is away.
    await patiently(watched, seconds=_LONGEST_SECONDS)


def _narrate(event: Any, stage: Stage) -> None:
    if event.HasField("changed_step"):
        step = event.changed_step
        status = pb.StepStatus.Name(step.status).removeprefix("STEP_STATUS_").lower()
        stage.note(f"{step.step_id} {status}{': ' + step.error if step.error else ''}")


async def _by_name(session: Session, name: str) -> str:
    request = pb.GetPipelineRequest(name=name)
    return str((await patiently(lambda: session.pipeline.GetPipeline(request))).pipeline.id)
