"""Pipelines as the story uses them: apply once, trigger, follow to the end."""

from typing import Any

from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from fp_kernel import AlreadyExists, FailedPrecondition, Unavailable, new_id
from google.protobuf import json_format

from fp_flights.story.narrator import Stage
from fp_flights.story.session import Session

_PAGE = 100


async def apply(session: Session, definition: dict[str, Any]) -> str:
    """Id of the pipeline; a story told twice finds it there."""
    request = json_format.ParseDict(definition, pb.CreatePipelineRequest())
    try:
        return str((await session.pipeline.CreatePipeline(request)).pipeline.id)
    except AlreadyExists:
        return await _by_name(session, definition["name"])


async def run(session: Session, pipeline_id: str, values: dict[str, Any], stage: Stage) -> Any:
    """Trigger and follow; answers the execution with its steps.

    Raises FailedPrecondition with the reason when it does not complete.
    """
    request = pb.TriggerExecutionRequest(pipeline_id=pipeline_id, idempotency_key=new_id())
    request.input.update(values)
    execution_id = (await session.pipeline.TriggerExecution(request)).execution.id
    await _follow(session, execution_id, stage)
    execution = (await session.pipeline.GetExecution(pb.GetExecutionRequest(execution_id=execution_id))).execution
    if execution.status != pb.EXECUTION_STATUS_COMPLETED:
        raise FailedPrecondition(f"{execution.pipeline_name} did not complete: {execution.error}")
    return execution


def output(execution: Any, step_id: str) -> dict[str, Any]:
    """What a step gave."""
    step = next(step for step in execution.step_executions if step.step_id == step_id)
    found: dict[str, Any] = json_format.MessageToDict(step.output)
    return found


async def _follow(session: Session, execution_id: str, stage: Stage) -> None:
    """Watch until the stream ends; one that breaks is taken up where it broke."""
    seen = 0
    while True:
        request = pb.WatchExecutionRequest(
            execution_id=execution_id, include_current_state=seen == 0, after_sequence=seen
        )
        try:
            async for event in session.pipeline.WatchExecution(request):
                seen = event.sequence
                _tell(event, stage)
        except Unavailable:
            continue
        return


def _tell(event: Any, stage: Stage) -> None:
    if event.HasField("changed_step"):
        step = event.changed_step
        status = pb.StepStatus.Name(step.status).removeprefix("STEP_STATUS_").lower()
        stage.note(f"{step.step_id} {status}{': ' + step.error if step.error else ''}")


async def _by_name(session: Session, name: str) -> str:
    token = ""
    while True:
        request = pb.ListPipelinesRequest()
        request.pagination.page_size = _PAGE
        request.pagination.page_token = token
        response = await session.pipeline.ListPipelines(request)
        for pipeline in response.pipelines:
            if pipeline.name == name:
                return str(pipeline.id)
        token = response.pagination.next_page_token
        if not token:
            raise FailedPrecondition(f"the pipeline {name} exists and is not listed")
