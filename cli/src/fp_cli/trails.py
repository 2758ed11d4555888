"""The trail of a prediction for people: a line for each thing that is known of it."""

from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import Any, Final

from forgepoint.experiment.v1 import experiment_pb2
from forgepoint.monitor.v1 import monitor_pb2

from fp_cli import money, prediction_logs
from fp_cli.cells import local, printable
from fp_cli.messages import plain

_KINDS: Final[Mapping[int, str]] = {
    experiment_pb2.LINEAGE_KIND_DATA: "data",
    experiment_pb2.LINEAGE_KIND_RUN: "run",
    experiment_pb2.LINEAGE_KIND_VERSION: "version",
    experiment_pb2.LINEAGE_KIND_DRIFT_REPORT: "drift report",
    experiment_pb2.LINEAGE_KIND_MODEL: "model",
}


def lines(trail: Any) -> Iterator[str]:
    """From the data to the bill; what is missing comes last."""
    for name, text in _facts(trail):
        yield printable(f"{name:<13} {text}")
    for each in trail.missing:
        yield printable(f"{'no ' + each.part.replace('_', ' '):<20} {each.reason}")


def _at(stamp: Any) -> str:
    return local(stamp.ToDatetime(UTC))


def _facts(trail: Any) -> Iterator[tuple[str, str]]:
    record = trail.prediction
    row = prediction_logs.row(record)
    for node in trail.origins:
        facts = " ".join(f"{name}={value}" for name, value in sorted(node.facts.items()))
        yield "came from", f"{_KINDS.get(node.kind, 'thing')} {node.id} {facts}".rstrip()
    if trail.HasField("run"):
        metrics = " ".join(f"{each.key}={each.value:.6g}" for each in trail.run.final_metrics)
        yield "run", f"{trail.run.display_name} {trail.run.id} {metrics}".strip()
    canary = ", as a canary" if record.prediction.is_canary else ""
    yield "version", f"{record.model_name}@{record.version}{canary} {trail.version.artifact_digest}".rstrip()
    yield "asked", str(row["inputs"])
    yield "answered", f"{row['outputs']} at {_at(record.prediction.answered_at)}"
    if record.prediction.trace_id:
        yield "traced", record.prediction.trace_id
    if record.actual_label:
        yield "happened", f"{record.actual_label} at {_at(record.observed_at)}"
    for report in trail.reports:
        kind = monitor_pb2.DriftType.Name(report.drift_type).removeprefix("DRIFT_TYPE_").lower()
        severity = monitor_pb2.DriftSeverity.Name(report.severity).removeprefix("DRIFT_SEVERITY_")
        yield "window", f"{kind} {severity} of {report.sample_count} until {_at(report.window_end)}, {report.id}"
    for entry in trail.audit_entries:
        method = entry.method.rpartition("/")[2]
        yield "done by", f"{entry.actor_id} {method} {entry.status} at {_at(entry.occurred_at)}"
    if trail.HasField("usage"):
        yield "metered", f"one of {trail.usage.total_quantity} requests of the day"
    if trail.HasField("invoice_line"):
        line = trail.invoice_line
        yield "billed", f"{line.quantity} requests, {money.shown(plain(line.amount))}, invoice {trail.invoice_id}"
