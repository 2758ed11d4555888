"""The metrics of pipeline."""

from fp_telemetry import Metrics as Registry

from fp_pipeline.domain.events import ExecutionCompleted, ExecutionFailed, StepCompleted, StepFailed
from fp_pipeline.domain.progress import Progress
from fp_pipeline.domain.promotion import Promotion, PromotionState


class Metrics:
    """executions_total by status, steps_total by type and outcome, executions_in_flight of this process;
    promotions_total by outcome: over, requested (someone rolled it back), objective (it was broken).
    """

    def __init__(self, registry: Registry) -> None:
        self._executions = registry.counter("executions_total", "Executions that ended here", ("status",))
        self._steps = registry.counter("steps_total", "Steps that ended here", ("type", "outcome"))
        self._promotions = registry.counter("promotions_total", "Watched promotions that ended here", ("outcome",))
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

    def ended(self, promotion: Promotion) -> None:
        """Called when the end of a promotion was committed."""
        rolled_back = promotion.state is PromotionState.ROLLED_BACK
        self._promotions.labels(("requested" if promotion.ended_by else "objective") if rolled_back else "over").inc()
