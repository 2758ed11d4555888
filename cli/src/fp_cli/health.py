"""Monitors and what they say."""

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC
from typing import Any, Final, cast

from forgepoint.monitor.v1 import monitor_pb2 as pb
from forgepoint.monitor.v1 import monitor_pb2_grpc
from fp_kernel import Kind, NotFound

from fp_cli import names
from fp_cli.cells import printable
from fp_cli.client import Client, idempotency_key
from fp_cli.failures import advising
from fp_cli.messages import plain

_TYPES: Final = {
    "data": pb.DRIFT_TYPE_DATA,
    "prediction": pb.DRIFT_TYPE_PREDICTION,
    "performance": pb.DRIFT_TYPE_PERFORMANCE,
}
COLUMNS: Final = ("model", "overall", "version", "state", *_TYPES, "drift_events", "last_event_at", "latest_report")


def advised() -> AbstractContextManager[None]:
    return advising(Kind.NOT_FOUND, "`fp monitors list` shows which there are; `fp monitors configure FILE` makes one")


def facts(health: pb.ModelHealth) -> dict[str, Any]:
    found = plain(health)
    levels = {name: _severity(health.severity_by_type.get(kind, 0)) for name, kind in _TYPES.items()}
    return {
        "model": health.model_name,
        "version": health.model_version,
        "state": found["state"],
        "overall": found["overall_severity"],
        **levels,
        "drift_events": health.drift_events_total,
        "last_event_at": found.get("last_event_at", ""),
        "latest_report": health.latest_report_id,
        "unwatched_predictions": health.unwatched_predictions,
        "unwatched_version": health.unwatched_version,
        "reason": health.reason,
    }


def _severity(number: Any) -> str:
    return pb.DriftSeverity.Name(number).removeprefix("DRIFT_SEVERITY_") if number else ""


def status(client: Client, model: str) -> pb.MonitorStatus:
    """Raises NotFound."""
    stub = monitor_pb2_grpc.MonitorServiceStub(client.channel)
    with advised():
        answer = client.call(stub.GetMonitorStatus, pb.GetMonitorStatusRequest(model_name=model))
    found: pb.MonitorStatus = answer.status
    return found


def summary(status: Mapping[str, Any]) -> dict[str, Any]:
    """A status in one level."""
    monitor = dict(status["monitor"])
    latest = status.get("latest_report") or {}
    thresholds = [
        f"{each['drift_type']} {each['method']} {each['warn_score']:g} {each['critical_score']:g}".replace(
            " UNSPECIFIED", ""
        )
        for each in monitor.pop("thresholds")
    ]
    return monitor | {
        "thresholds": thresholds,
        "current_window_samples": status["current_window_samples"],
        "unwatched_predictions": status["unwatched_predictions"],
        "unwatched_version": status["unwatched_version"],
        "drift_events_total": status["drift_events_total"],
        "last_event_at": status.get("last_event_at", ""),
        "latest_report": " ".join(str(latest[name]) for name in ("drift_type", "severity", "id") if name in latest),
    }


def configuration(monitor: pb.Monitor) -> pb.ConfigureMonitorRequest:
    """The request that leaves a monitor as it is; it says nothing of `enabled`."""
    return pb.ConfigureMonitorRequest(
        model_name=monitor.model_name,
        window_duration=monitor.window_duration,
        window_size=monitor.window_size,
        min_samples=monitor.min_samples,
        thresholds=monitor.thresholds,
        auto_retrain=monitor.auto_retrain,
        retrain_pipeline_id=monitor.retrain_pipeline_id,
        retrain_cooldown=monitor.retrain_cooldown,
    )


def configure(client: Client, request: pb.ConfigureMonitorRequest) -> pb.ConfigureMonitorResponse:
    request.idempotency_key = request.idempotency_key or idempotency_key("")
    stub = monitor_pb2_grpc.MonitorServiceStub(client.channel)
    response: pb.ConfigureMonitorResponse = client.call(stub.ConfigureMonitor, request)
    return response


def report(client: Client, model_or_id: str) -> pb.DriftReport:
    """By its id, or the newest of a model. Raises NotFound."""
    stub = monitor_pb2_grpc.MonitorServiceStub(client.channel)
    if names.is_id(model_or_id):
        with advising(Kind.NOT_FOUND, "`fp monitors reports MODEL` shows which there are"):
            by_id = client.call(stub.GetDriftReport, pb.GetDriftReportRequest(report_id=model_or_id))
        return cast("pb.DriftReport", by_id.report)
    with advised():
        newest = client.pages(stub.ListDriftReports, pb.ListDriftReportsRequest(model_name=model_or_id), "reports", 1)
        found = next(newest, None)
    if found is None:
        step = "a report comes with each closed window: `fp monitors get MODEL` shows how far the open one is"
        raise NotFound(f"there is no report of {model_or_id} yet", metadata={"next_step": step})
    return cast("pb.DriftReport", found)


def statistics(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The metrics of a report for people: nothing, rather than 0, where there is nothing to compare with."""
    return [_compared(metric) for metric in report["metrics"]]


def _compared(metric: Mapping[str, Any]) -> dict[str, Any]:
    method = "" if metric["method"] == "UNSPECIFIED" else metric["method"]
    # A performance has no method, and a held-out value of 0 is one that the profile did not name.
    unknown = {} if method or metric["baseline_value"] else dict.fromkeys(("score", "baseline_value", "p_value"), "")
    return dict(metric) | {"method": method} | unknown


def line(report: pb.DriftReport) -> None:
    """Print a report as it passes."""
    kind = pb.DriftType.Name(report.drift_type).removeprefix("DRIFT_TYPE_")
    time = report.created_at.ToDatetime(UTC).astimezone().strftime("%H:%M:%S")
    version = f"{report.model_name}@{report.model_version}"
    retrain = "  asks for a new model" if report.retrain_requested else ""
    text = (
        f"{time}  {version}  {kind} {_severity(report.severity)}  {report.sample_count} samples{retrain}  {report.id}"
    )
    sys.stdout.write(printable(text) + "\n")
    sys.stdout.flush()
