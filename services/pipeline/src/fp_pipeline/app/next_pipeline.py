"""What a finished training pipeline starts: the deployment of the version it registered."""

from datetime import datetime

from fp_pipeline.app.ports import Unit
from fp_pipeline.app.trigger_execution import begin
from fp_pipeline.domain.definition import PipelineType, StepType
from fp_pipeline.domain.execution import Cause, Execution, ExecutionStatus, StepStatus


async def start_next(tx: Unit, ended: Execution, now: datetime) -> None:
    """In the transaction that ends the execution: it ends once, so this starts once."""
    if ended.type is not PipelineType.TRAINING_DAG or ended.status is not ExecutionStatus.COMPLETED:
        return
    pipeline = await tx.pipelines.find(ended.team, ended.pipeline_id)
    if pipeline is None or not pipeline.then_pipeline_id:
        return
    following = await tx.pipelines.find(ended.team, pipeline.then_pipeline_id)
    if following is None:
        return
    cause = Cause(
        triggered_by=f"execution:{ended.id}", correlation_id=ended.cause.correlation_id, trace=ended.cause.trace
    )
    for step in ended.steps:
        if step.definition.type is StepType.REGISTER and step.status is StepStatus.COMPLETED:
            given = {"model": step.output["model"], "version": step.output["version"]}
            await tx.executions.add(begin(following, given, cause, now))
