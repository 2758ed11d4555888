"""Domain events as messages of the bus."""

from datetime import UTC

from forgepoint.events.v1 import events_pb2 as pb
from fp_events import Event
from fp_events import Severity as EventSeverity

from fp_monitor.domain.metric import DriftKind, Metric, Severity
from fp_monitor.domain.report import DriftDetected, Report

DRIFT_DETECTED = "fp.models.drift.detected"
_ACTOR = "monitor"

_SEVERITIES = {Severity.WARNING: EventSeverity.WARNING, Severity.CRITICAL: EventSeverity.CRITICAL}
_WHAT = {
    DriftKind.DATA: "the inputs of",
    DriftKind.PREDICTION: "the answers of",
    DriftKind.PERFORMANCE: "the performance of",
}


def to_event(event: DriftDetected) -> Event:
    """The resource is the model, as for all events of models."""
    report = event.report
    payload = pb.ModelDriftDetected(
        model_name=report.model_name,
        model_version=report.version,
        drift_type=pb.DriftType.Value(f"DRIFT_TYPE_{report.kind}"),
        severity=_severity(report.severity),
        report_id=report.id,
        metrics=[_metric(metric) for metric in report.metrics],
        sample_count=report.samples,
        auto_retrain=bool(event.retrain_pipeline_id),
        retrain_pipeline_id=event.retrain_pipeline_id,
    )
    payload.window_start.FromDatetime(report.period.start.astimezone(UTC))
    payload.window_end.FromDatetime(report.period.end.astimezone(UTC))
    payload.detected_at.FromDatetime(report.created_at.astimezone(UTC))
    if event.retrain_pipeline_id:
        newest = event.newest_label or report.period.end
        payload.retrain_context.update(
            {
                "window_start": report.period.start.astimezone(UTC).isoformat(),
                "window_end": report.period.end.astimezone(UTC).isoformat(),
                "newest_labelled_at": newest.astimezone(UTC).isoformat(),
                "model": report.model_name,
                "version": report.version,
                "report_id": report.id,
            }
        )
    return Event(
        DRIFT_DETECTED,
        payload,
        team=report.team,
        resource_id=event.model_id or report.monitor_id,
        summary=_summary(report),
        actor=_ACTOR,
        severity=_SEVERITIES.get(report.severity, EventSeverity.INFO),
    )


def _summary(report: Report) -> str:
    bad = sorted({metric.name for metric in report.metrics if metric.severity is not Severity.OK})
    return (
        f"{report.severity.name.capitalize()}: {_WHAT[report.kind]} version {report.version} of {report.model_name} "
        f"drifted ({', '.join(bad[:5])})."
    )


def _metric(metric: Metric) -> pb.DriftMetric:
    return pb.DriftMetric(
        name=metric.name,
        method=pb.DriftMethod.Value(f"DRIFT_METHOD_{metric.method}"),
        score=metric.score,
        baseline_value=metric.baseline_value,
        current_value=metric.current_value,
        severity=_severity(metric.severity),
    )


def _severity(severity: Severity) -> pb.DriftSeverity.ValueType:
    return pb.DriftSeverity.Value(f"DRIFT_SEVERITY_{severity.name}")
