"""Messages and domain values, in pairs."""

from collections.abc import Sequence
from datetime import datetime

from forgepoint.monitor.v1 import monitor_pb2 as pb
from fp_kernel import Page, invalid
from fp_rpc.pagination import page_response
from fp_rpc.times import from_duration, from_timestamp, to_duration, to_timestamp

from fp_monitor.app.configure_monitor import Configured
from fp_monitor.app.ports import MonitorOverview
from fp_monitor.app.submit_truth import Submitted
from fp_monitor.domain.gap import Gap
from fp_monitor.domain.health import overall, reason_unknown
from fp_monitor.domain.metric import DriftKind, Method, Metric, MonitorState, Severity
from fp_monitor.domain.monitor import DEFAULT_COOLDOWN, Config, Monitor
from fp_monitor.domain.prediction import Truth
from fp_monitor.domain.report import Report
from fp_monitor.domain.thresholds import Threshold, effective


def config_from_pb(request: pb.ConfigureMonitorRequest) -> Config:
    """Raises InvalidArgument naming the field that has no meaning here."""
    return Config(
        model_name=request.model_name,
        duration=from_duration(request.window_duration, "window_duration"),
        size=request.window_size,
        min_samples=request.min_samples,
        thresholds=tuple(_threshold_from_pb(each, f"thresholds[{i}]") for i, each in enumerate(request.thresholds)),
        auto_retrain=request.auto_retrain,
        retrain_pipeline_id=request.retrain_pipeline_id,
        enabled=request.enabled,
        cooldown=from_duration(request.retrain_cooldown, "retrain_cooldown")
        if request.HasField("retrain_cooldown")
        else DEFAULT_COOLDOWN,
    )


def _threshold_from_pb(threshold: pb.ThresholdConfig, path: str) -> Threshold:
    if threshold.drift_type not in pb.DriftType.values() or threshold.drift_type == pb.DRIFT_TYPE_UNSPECIFIED:
        raise invalid(f"{path}.drift_type", "is required and must be a known kind of drift")
    if threshold.method not in pb.DriftMethod.values():
        raise invalid(f"{path}.method", "is not a known method")
    return Threshold(
        DriftKind(pb.DriftType.Name(threshold.drift_type).removeprefix("DRIFT_TYPE_")),
        Method(pb.DriftMethod.Name(threshold.method).removeprefix("DRIFT_METHOD_")),
        threshold.warn_score,
        threshold.critical_score,
    )


def severity_from_pb(value: int, field: str) -> Severity:
    """OK, which is all, for UNSPECIFIED. Raises InvalidArgument for a number that is not known."""
    if value not in pb.DriftSeverity.values():
        raise invalid(field, "is not a known severity")
    return Severity(value or Severity.OK)


def state_from_pb(value: int, field: str) -> MonitorState | None:
    """None for UNSPECIFIED. Raises InvalidArgument for a number that is not known."""
    if value not in pb.MonitorState.values():
        raise invalid(field, "is not a known state")
    name = pb.MonitorState.Name(pb.MonitorState.ValueType(value)).removeprefix("MONITOR_STATE_")
    return None if name == "UNSPECIFIED" else MonitorState(name)


def truths_from_pb(request: pb.SubmitGroundTruthRequest, now: datetime) -> list[Truth]:
    """observed_at: now where it is left out."""
    return [
        Truth(
            label.request_id,
            label.actual_label,
            from_timestamp(label.observed_at, f"labels[{index}].observed_at") if label.HasField("observed_at") else now,
        )
        for index, label in enumerate(request.labels)
    ]


def monitor_to_pb(monitor: Monitor) -> pb.Monitor:
    config = monitor.config
    return pb.Monitor(
        id=monitor.id,
        model_name=config.model_name,
        owner_team=monitor.team,
        window_duration=to_duration(config.duration),
        window_size=config.size,
        min_samples=config.min_samples,
        thresholds=[_threshold_to_pb(threshold) for threshold in effective(config.thresholds)],
        auto_retrain=config.auto_retrain,
        retrain_pipeline_id=config.retrain_pipeline_id,
        state=_state(monitor.state),
        baseline_version=monitor.baseline,
        baseline_captured_at=to_timestamp(monitor.baseline_at),
        created_at=to_timestamp(monitor.created_at),
        updated_at=to_timestamp(monitor.updated_at),
        retrain_cooldown=to_duration(config.cooldown),
        served_version=monitor.served,
        revision=monitor.revision,
    )


def _threshold_to_pb(threshold: Threshold) -> pb.ThresholdConfig:
    return pb.ThresholdConfig(
        drift_type=_kind(threshold.kind),
        method=_method(threshold.method),
        warn_score=threshold.warn,
        critical_score=threshold.critical,
    )


def report_to_pb(report: Report) -> pb.DriftReport:
    return pb.DriftReport(
        id=report.id,
        monitor_id=report.monitor_id,
        model_name=report.model_name,
        model_version=report.version,
        drift_type=_kind(report.kind),
        severity=pb.DRIFT_SEVERITY_UNSPECIFIED if report.inconclusive else _severity(report.severity),
        metrics=[_metric_to_pb(metric) for metric in report.metrics],
        window_id=report.window_id,
        sample_count=report.samples,
        window_start=to_timestamp(report.period.start),
        window_end=to_timestamp(report.period.end),
        created_at=to_timestamp(report.created_at),
        retrain_requested=report.retrains,
        judged_count=report.judged,
        gap=_gap(report.gap.start, report.gap.end) if report.gap else None,
        inconclusive=report.inconclusive,
    )


def _gap(since: datetime, until: datetime) -> pb.Gap:
    return pb.Gap(since=to_timestamp(since), until=to_timestamp(until))


def _metric_to_pb(metric: Metric) -> pb.DriftMetric:
    return pb.DriftMetric(
        name=metric.name,
        method=_method(metric.method),
        score=metric.score,
        baseline_value=metric.baseline_value,
        current_value=metric.current_value,
        severity=_severity(metric.severity),
        p_value=metric.p_value,
    )


def status_to_pb(overview: MonitorOverview, gaps: Sequence[Gap]) -> pb.MonitorStatus:
    monitor = overview.monitor
    return pb.MonitorStatus(
        monitor=monitor_to_pb(monitor),
        state=_state(monitor.state),
        current_window_samples=overview.samples,
        latest_report=report_to_pb(overview.latest) if overview.latest else None,
        last_event_at=to_timestamp(monitor.last_event_at),
        drift_events_total=monitor.alarms,
        unwatched_predictions=monitor.unwatched.predictions,
        unwatched_version=monitor.unwatched.version,
        gaps=[_gap(each.since or each.until, each.until) for each in gaps],
    )


def health_to_pb(overview: MonitorOverview, now: datetime) -> pb.ModelHealth:
    monitor = overview.monitor
    doubted = reason_unknown(monitor, overview.latest, now)
    severity = overall(monitor, doubted)
    return pb.ModelHealth(
        model_name=monitor.config.model_name,
        model_version=monitor.served,
        overall_severity=_severity(severity) if severity else pb.DRIFT_SEVERITY_UNSPECIFIED,
        severity_by_type={int(_kind(kind)): _severity(level.shown) for kind, level in monitor.levels.items()},
        state=_state(monitor.state),
        latest_report_id=overview.latest.id if overview.latest else "",
        last_event_at=to_timestamp(monitor.last_event_at),
        drift_events_total=monitor.alarms,
        unwatched_predictions=monitor.unwatched.predictions,
        unwatched_version=monitor.unwatched.version,
        reason=doubted,
    )


def configured_to_pb(configured: Configured) -> pb.ConfigureMonitorResponse:
    return pb.ConfigureMonitorResponse(monitor=monitor_to_pb(configured.monitor), created=configured.created)


def reset_to_pb(monitor: Monitor) -> pb.ResetBaselineResponse:
    return pb.ResetBaselineResponse(monitor=monitor_to_pb(monitor))


def deleted_to_pb(purged: int) -> pb.DeleteMonitorResponse:
    return pb.DeleteMonitorResponse(purged_report_count=purged)


def submitted_to_pb(submitted: Submitted) -> pb.SubmitGroundTruthResponse:
    return pb.SubmitGroundTruthResponse(
        accepted=submitted.accepted,
        unmatched_request_ids=submitted.unmatched,
        repeated_request_ids=submitted.repeated,
    )


def monitors_to_pb(page: Page[MonitorOverview], now: datetime) -> pb.ListMonitorsResponse:
    entries = [
        pb.ListMonitorsResponse.Entry(monitor=monitor_to_pb(each.monitor), health=health_to_pb(each, now))
        for each in page.items
    ]
    return pb.ListMonitorsResponse(entries=entries, pagination=page_response(page.next_token))


def reports_to_pb(page: Page[Report]) -> pb.ListDriftReportsResponse:
    return pb.ListDriftReportsResponse(reports=map(report_to_pb, page.items), pagination=page_response(page.next_token))


def _kind(kind: DriftKind) -> pb.DriftType.ValueType:
    return pb.DriftType.Value(f"DRIFT_TYPE_{kind}")


def _method(method: Method) -> pb.DriftMethod.ValueType:
    return pb.DriftMethod.Value(f"DRIFT_METHOD_{method}")


def _severity(severity: Severity) -> pb.DriftSeverity.ValueType:
    return pb.DriftSeverity.Value(f"DRIFT_SEVERITY_{severity.name}")


def _state(state: MonitorState) -> pb.MonitorState.ValueType:
    return pb.MonitorState.Value(f"MONITOR_STATE_{state}")
