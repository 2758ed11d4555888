"""What the engine did, as metrics."""

from fp_telemetry import Metrics

from fp_pipeline.domain.events import ExecutionCompleted, ExecutionFailed, StepCompleted, StepFailed
from fp_pipeline.domain.progress import Progress


class Measures:
    """executions_total by status, steps_total by type and outcome, executions_in_flight of this process."""

    def __init__(self, metrics: Metrics) -> None:
        self._executions = metrics.counter("executions_total", "Executions that ended here", ("status",))
        self._steps = metrics.counter("steps_total", "Steps that ended here", ("type", "outcome"))
        self.in_flight = metrics.gauge("executions_in_flight", "Executions that this process works on").set

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
