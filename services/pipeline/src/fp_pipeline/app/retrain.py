"""A model has lost performance: its training pipeline starts again, once a report."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fp_kernel import Clock, NotFound
from fp_telemetry import get_logger

from fp_pipeline.app.ports import Transactions
from fp_pipeline.app.trigger_execution import begin
from fp_pipeline.domain.definition import JsonObject
from fp_pipeline.domain.execution import Cause
from fp_pipeline.domain.json_values import check_json

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DriftReport:
    """context: what the monitor wants the training to know. event_id, correlation_id, trace: of the event."""

    team: str
    report_id: str
    pipeline_id: str
    context: JsonObject
    event_id: str = ""
    correlation_id: str = ""
    trace: Mapping[str, str] = field(default_factory=dict)


class Retrain:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, report: DriftReport) -> str:
        """Id of the execution; empty when the report has had its answer.

        Raises NotFound for the pipeline and InvalidArgument for its input. A failure leaves nothing: the report may be
        told again.
        """
        given = {**report.context, "report_id": report.report_id}
        check_json(given, "retrain_context")
        cause = Cause(f"drift-report:{report.report_id}", report.event_id, report.correlation_id, report.trace)
        async with self._transactions() as tx:
            pipeline = await tx.pipelines.find(report.team, report.pipeline_id)
            if pipeline is None:
                raise NotFound(f"no pipeline {report.pipeline_id} to retrain with")
            execution = begin(pipeline, given, cause, self._clock.now())
            if not await tx.retrains.claim(report.team, report.report_id, execution.id):
                return ""
            await tx.executions.add(execution)
        _log.info("retraining after drift", report_id=report.report_id, execution_id=execution.id)
        return execution.id
