"""What the end of a saga decides: the old version goes when nothing can take the new one back any more."""

from fp_pipeline.domain.definition import StepType
from fp_pipeline.domain.deployment import DeploymentChange, Supersede
from fp_pipeline.domain.execution import Execution, ExecutionStatus, StepStatus


def closing(execution: Execution, drain: float) -> tuple[DeploymentChange, ...]:
    """Deployment changes to write with the end of a completed execution."""
    if execution.status is not ExecutionStatus.COMPLETED:
        return ()
    return tuple(
        Supersede(
            team=execution.team,
            model_name=str(step.output["model"]),
            runtime=str(step.output["runtime"]),
            drain=drain,
        )
        for step in execution.steps
        if step.definition.type is StepType.PROMOTE and step.status is StepStatus.COMPLETED
    )
