"""Executions as somebody asked for them, of which nothing has begun."""

from fp_kernel import new_id
from fp_pipeline.domain.definition import Pipeline
from fp_pipeline.domain.execution import Cause, Execution, Step
from fp_pipeline.domain.json_values import JsonObject


def execution_of(pipeline: Pipeline, given: JsonObject | None = None, cause: Cause | None = None) -> Execution:
    """given: its input. cause: the pipeline's owner unless another is named."""
    return Execution(
        id=new_id(),
        team=pipeline.team,
        pipeline_id=pipeline.id,
        pipeline_name=pipeline.name,
        pipeline_revision=pipeline.revision,
        type=pipeline.type,
        steps=tuple(Step(id=new_id(), definition=each) for each in pipeline.steps),
        input=given or {},
        cause=cause or Cause(pipeline.created_by),
        created_at=pipeline.created_at,
        sequence=1,
    )
