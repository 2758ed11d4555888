"""The metrics of pipeline."""

from fp_telemetry import Metrics as Registry

from fp_pipeline.domain.events import ExecutionCompleted, ExecutionFailed, StepCompleted, StepFailed
from fp_pipeline.domain.execution import Step
from fp_pipeline.domain.gates import gate_of, verdict_of
from fp_pipeline.domain.progress import Progress
from fp_pipeline.domain.promotion import Promotion, PromotionState

_GATE_SECONDS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0)


class Metrics:
    """executions_total by status, steps_total by type and outcome, executions_in_flight of this process;
    promotions_total by outcome: over, requested (someone rolled it back), objective (it was broken); scales_total by
    outcome: asked, settled; gates_total by kind (backtest, contest, canary) and outcome (passed, refused, failed,
    cancelled), and gate_seconds.
    """

    def __init__(self, registry: Registry) -> None:
        self._executions = registry.counter("executions_total", "Executions that ended here", ("status",))
        self._steps = registry.counter("steps_total", "Steps that ended here", ("type", "outcome"))
        self._promotions = registry.counter("promotions_total", "Watched promotions that ended here", ("outcome",))
        self._gates = registry.counter("gates_total", "Verdicts on versions that ended here", ("kind", "outcome"))
        self._gate_seconds = registry.histogram(
            "gate_seconds", "Of the newest attempt of a step that judged a version", ("kind",), _GATE_SECONDS
        )
        scales = registry.counter("scales_total", "Changes of how many runtimes a version has", ("outcome",))
        self.scale_asked, self.scale_settled = scales.labels("asked").inc, scales.labels("settled").inc
        self.in_flight = registry.gauge("executions_in_flight", "Executions that this process works on").set

    def written(self, progress: Progress) -> None:
        """Called once for each change that was committed."""
        for event in progress.events:
            match event:
                case StepCompleted():
                    self._steps.labels(event.step_type, "completed").inc()
                    self._judged(progress.execution.step(event.step_id), cancelled=False)
                case StepFailed():
                    self._steps.labels(event.step_type, "cancelled" if event.cancelled else "failed").inc()
                    self._judged(progress.execution.step(event.step_id), cancelled=event.cancelled)
                case ExecutionCompleted() | ExecutionFailed():
                    self._executions.labels(progress.execution.status).inc()

    def _judged(self, step: Step, *, cancelled: bool) -> None:
        if gate := gate_of(step):
            self._gates.labels(gate, verdict_of(step, cancelled=cancelled)).inc()
            if step.started_at is not None and step.completed_at is not None:
                self._gate_seconds.labels(gate).observe((step.completed_at - step.started_at).total_seconds())

    def ended(self, promotion: Promotion) -> None:
        """Called when the end of a promotion was committed."""
        rolled_back = promotion.state is PromotionState.ROLLED_BACK
        self._promotions.labels(("requested" if promotion.ended_by else "objective") if rolled_back else "over").inc()
