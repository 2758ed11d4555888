"""The metrics of pipeline."""

from fp_telemetry import Metrics as Registry

from fp_pipeline.domain.events import ExecutionCompleted, ExecutionFailed, StepCompleted, StepFailed
from fp_pipeline.domain.progress import Progress


class Metrics:
    """executions_total by status, steps_total by type and outcome, executions_in_flight of this process."""

    def __init__(self, registry: Registry) -> None:
        self._executions = registry.counter("executions_total", "Executions that ended here", ("status",))
        self._steps = registry.counter("steps_total", "Steps that ended here", ("type", "outcome"))
        self.in_flight = registry.gauge("executions_in_flight", "Executions that this process works on").set

    def written(self, progress: Progress) -> None:
        """Called once for each change that was committed."""
        for event in progress.events:
            match event:
                case StepCompleted():
                    self._steps.labels(event.step_type, "completed").inc()
                case StepFailed():
                    self._steps.labels(event.step_type, "cancelled" if event.cancelled else "failed").inc()
                case ExecutionCompleted() | ExecutionFailed():
                    self._executions.labels(progress.execution.status).inc()
