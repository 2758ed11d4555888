"""Messages and domain values, in pairs."""

from forgepoint.common.v1 import model_pb2
from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from fp_kernel import Page, invalid
from fp_rpc.pagination import page_response
from fp_rpc.times import seconds_of, to_duration, to_timestamp

from fp_pipeline.api.structs import from_struct, to_struct, to_value
from fp_pipeline.app.watch_execution import Sighting
from fp_pipeline.domain.definition import (
    Pipeline,
    PipelineChange,
    PipelineDraft,
    PipelineType,
    StepDefinition,
    StepType,
)
from fp_pipeline.domain.deployment import Deployment
from fp_pipeline.domain.execution import Execution, ExecutionStatus, Step, StepStatus
from fp_pipeline.domain.logs import LogLine


def draft_from_pb(request: pb.CreatePipelineRequest) -> PipelineDraft:
    """Raises InvalidArgument naming the field that has no meaning here."""
    return PipelineDraft(
        name=request.name,
        type=pipeline_type_from_pb(request.type, "type"),
        steps=tuple(_definition_from_pb(step, f"steps[{index}]") for index, step in enumerate(request.steps)),
        then_pipeline_id=request.then_pipeline_id,
    )


def change_from_pb(request: pb.UpdatePipelineRequest) -> PipelineChange:
    """Raises InvalidArgument naming the field that has no meaning here."""
    return PipelineChange(
        name=request.name or None,
        steps=tuple(_definition_from_pb(step, f"steps[{index}]") for index, step in enumerate(request.steps)) or None,
        then_pipeline_id=request.then_pipeline_id or ("" if request.ends_then_pipeline else None),
    )


def pipeline_type_from_pb(value: int, field: str) -> PipelineType | None:
    """None for UNSPECIFIED. Raises InvalidArgument for a number that is not known."""
    if value not in pb.PipelineType.values():
        raise invalid(field, "is not a known type of pipeline")
    name = pb.PipelineType.Name(pb.PipelineType.ValueType(value)).removeprefix("PIPELINE_TYPE_")
    return None if name == "UNSPECIFIED" else PipelineType(name)


def status_from_pb(value: int, field: str) -> ExecutionStatus | None:
    """None for UNSPECIFIED. Raises InvalidArgument for a number that is not known."""
    if value not in pb.ExecutionStatus.values():
        raise invalid(field, "is not a known status")
    name = pb.ExecutionStatus.Name(pb.ExecutionStatus.ValueType(value)).removeprefix("EXECUTION_STATUS_")
    return None if name == "UNSPECIFIED" else ExecutionStatus(name)


def _definition_from_pb(step: pb.StepDefinition, path: str) -> StepDefinition:
    if step.type not in pb.StepType.values() or step.type == pb.STEP_TYPE_UNSPECIFIED:
        raise invalid(f"{path}.type", "is required and must be a known type of step")
    return StepDefinition(
        id=step.id,
        name=step.name,
        type=StepType(pb.StepType.Name(step.type).removeprefix("STEP_TYPE_")),
        depends_on=tuple(step.depends_on),
        compensation_step_id=step.compensation_step_id,
        config=from_struct(step.config, f"{path}.config"),
        timeout=seconds_of(step.timeout),
        max_retries=step.max_retries,
    )


def pipeline_to_pb(pipeline: Pipeline) -> pb.PipelineDefinition:
    return pb.PipelineDefinition(
        id=pipeline.id,
        name=pipeline.name,
        type=pb.PipelineType.Value(f"PIPELINE_TYPE_{pipeline.type}"),
        steps=[_definition_to_pb(step) for step in pipeline.steps],
        created_by=pipeline.created_by,
        created_at=to_timestamp(pipeline.created_at),
        team=pipeline.team,
        then_pipeline_id=pipeline.then_pipeline_id,
        revision=pipeline.revision,
    )


def _definition_to_pb(step: StepDefinition) -> pb.StepDefinition:
    return pb.StepDefinition(
        id=step.id,
        name=step.name,
        type=pb.StepType.Value(f"STEP_TYPE_{step.type}"),
        depends_on=step.depends_on,
        compensation_step_id=step.compensation_step_id,
        config=to_struct(step.config),
        timeout=to_duration(step.timeout) if step.timeout else None,
        max_retries=step.max_retries,
    )


def execution_to_pb(execution: Execution, *, items: bool = True) -> pb.Execution:
    """items: with those of steps that fanned out."""
    steps = execution.steps if items else execution.declared
    return pb.Execution(
        id=execution.id,
        pipeline_id=execution.pipeline_id,
        status=pb.ExecutionStatus.Value(f"EXECUTION_STATUS_{execution.status}"),
        current_step=execution.current_step,
        step_executions=[step_to_pb(execution, step) for step in steps],
        triggered_by=execution.cause.triggered_by,
        started_at=to_timestamp(execution.started_at),
        completed_at=to_timestamp(execution.completed_at),
        input=to_struct(execution.input),
        error=execution.error,
        pipeline_name=execution.pipeline_name,
        team=execution.team,
        sequence=execution.sequence,
        cause_event_id=execution.cause.event_id,
    )


def step_to_pb(execution: Execution, step: Step) -> pb.StepExecution:
    statuses = [item.status for item in execution.items(step.step_id)] if step.definition.fans_out else []
    return pb.StepExecution(
        id=step.id,
        execution_id=execution.id,
        step_id=step.step_id,
        status=pb.StepStatus.Value(f"STEP_STATUS_{step.status}"),
        started_at=to_timestamp(step.started_at),
        completed_at=to_timestamp(step.completed_at),
        output=to_struct(step.output) if step.output else None,
        error=step.error,
        attempt=step.attempt,
        type=pb.StepType.Value(f"STEP_TYPE_{step.definition.type}"),
        retry_at=to_timestamp(step.retry_at),
        parent_step_id=step.item.parent if step.item else "",
        item_index=step.item.index if step.item else 0,
        item=to_value(step.item.value) if step.item else None,
        item_count=len(statuses),
        completed_items=statuses.count(StepStatus.COMPLETED),
        failed_items=statuses.count(StepStatus.FAILED) + statuses.count(StepStatus.COMPENSATION_FAILED),
    )


def sighting_to_pb(sighting: Sighting) -> pb.WatchExecutionResponse:
    execution, transition = sighting.execution, sighting.transition
    changed = transition.step if transition else None
    return pb.WatchExecutionResponse(
        # Items are sent as they change: all of them with each change would be too much.
        execution=execution_to_pb(execution, items=transition is None),
        changed_step=step_to_pb(execution, changed) if changed else None,
        sequence=execution.sequence,
        emitted_at=to_timestamp(sighting.at),
    )


def deployment_to_pb(deployment: Deployment) -> pb.Deployment:
    signature = model_pb2.Signature.FromString(deployment.signature) if deployment.signature else None
    return pb.Deployment(
        team=deployment.team,
        model_id=deployment.model_id,
        model_name=deployment.model_name,
        version_id=deployment.version_id,
        version=deployment.version,
        endpoint=deployment.endpoint,
        weight_bps=deployment.weight_bps,
        execution_id=deployment.execution_id,
        deployed_at=to_timestamp(deployment.deployed_at),
        signature=signature,
        artifact_digest=deployment.artifact_digest,
        sequence=deployment.sequence,
    )


def line_to_pb(line: LogLine) -> pb.StreamStepLogsResponse:
    return pb.StreamStepLogsResponse(line=line.number, text=line.text, logged_at=to_timestamp(line.at))


def created_to_pb(pipeline: Pipeline) -> pb.CreatePipelineResponse:
    return pb.CreatePipelineResponse(pipeline=pipeline_to_pb(pipeline))


def updated_to_pb(pipeline: Pipeline) -> pb.UpdatePipelineResponse:
    return pb.UpdatePipelineResponse(pipeline=pipeline_to_pb(pipeline))


def deleted_to_pb(_: object) -> pb.DeletePipelineResponse:
    return pb.DeletePipelineResponse()


def triggered_to_pb(execution: Execution) -> pb.TriggerExecutionResponse:
    return pb.TriggerExecutionResponse(execution=execution_to_pb(execution))


def cancelled_to_pb(execution: Execution) -> pb.CancelExecutionResponse:
    return pb.CancelExecutionResponse(execution=execution_to_pb(execution))


def pipelines_to_pb(page: Page[Pipeline]) -> pb.ListPipelinesResponse:
    return pb.ListPipelinesResponse(
        pipelines=map(pipeline_to_pb, page.items), pagination=page_response(page.next_token)
    )


def executions_to_pb(page: Page[Execution]) -> pb.ListExecutionsResponse:
    return pb.ListExecutionsResponse(
        executions=map(execution_to_pb, page.items), pagination=page_response(page.next_token)
    )


def deployments_to_pb(page: Page[Deployment]) -> pb.ListDeploymentsResponse:
    return pb.ListDeploymentsResponse(
        deployments=map(deployment_to_pb, page.items), pagination=page_response(page.next_token)
    )
