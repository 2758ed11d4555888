"""fp monitors report, reports, watch, truth."""

from pathlib import Path

import typer

from fp_cli.choices import DriftSeverity, number
from fp_cli.output import State, done, record, rows, say, streamed

_REPORT = ("drift_type", "severity", "model_version", "sample_count", "retrain_requested", "created_at", "id")
_METRIC = ("name", "method", "score", "baseline_value", "current_value", "severity", "p_value")
_SEVERITY = typer.Option(None, "--severity", case_sensitive=False, help="As bad as this, or worse.")


def add_to(app: typer.Typer) -> None:
    app.command("report")(report)
    app.command("reports")(list_reports)
    app.command("watch")(watch)
    app.command("truth")(truth)


def report(
    context: typer.Context, report: str = typer.Argument(help="Id of a report, or a model: its newest one.")
) -> None:
    """Show what a closed window said, statistic by statistic."""
    from fp_cli import health
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        found = plain(health.report(client, report))
    record(state, found, ("model_name", *_REPORT, "window_start", "window_end"))
    if not state.structured:
        say(state, "")
        rows(state, _METRIC, health.statistics(found))


def list_reports(
    context: typer.Context,
    model: str = typer.Argument(help="Name of the model."),
    severity: DriftSeverity | None = _SEVERITY,
    since: str = typer.Option("", help="Windows that ended at this time or later, such as 2013-03-01T12:00:00Z."),
    until: str = typer.Option("", help="And before this one."),
    limit: int = typer.Option(100, min=1),
) -> None:
    """List drift reports, one a closed window, newest first."""
    from forgepoint.monitor.v1 import monitor_pb2, monitor_pb2_grpc

    from fp_cli import moments
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    request = monitor_pb2.ListDriftReportsRequest(
        model_name=model,
        min_severity=number(monitor_pb2.DriftSeverity, severity),
        since=moments.stamp(since, "since"),
        until=moments.stamp(until, "until"),
    )
    with connect(state) as client:
        stub = monitor_pb2_grpc.MonitorServiceStub(client.channel)
        rows(state, _REPORT, [plain(each) for each in client.pages(stub.ListDriftReports, request, "reports", limit)])


def watch(
    context: typer.Context,
    model: str = typer.Argument("", help="Name of the model; default: every model of the team."),
    severity: DriftSeverity | None = _SEVERITY,
    count: int = typer.Option(0, min=0, help="Stop after so many; 0: never."),
) -> None:
    """Print drift reports as they are made."""
    from itertools import islice

    from forgepoint.monitor.v1 import monitor_pb2, monitor_pb2_grpc

    from fp_cli import health
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    request = monitor_pb2.StreamDriftEventsRequest(
        model_name=model, min_severity=number(monitor_pb2.DriftSeverity, severity)
    )
    with connect(state) as client:
        stub = monitor_pb2_grpc.MonitorServiceStub(client.channel)
        for event in islice(client.stream(stub.StreamDriftEvents, request), count or None):
            if state.structured:
                streamed(state, plain(event.report))
            else:
                health.line(event.report)


def truth(
    context: typer.Context,
    model: str = typer.Argument(help="Name of the model."),
    file: Path = typer.Argument(
        help="CSV with request_id, actual_label and, if wanted, observed_at; - is standard input.", allow_dash=True
    ),
    patience: float = typer.Option(0.0, "--wait", min=0.0, help="Seconds to send what is unmatched again."),
    unmatched: Path | None = typer.Option(None, help="Write what stayed unmatched to this CSV file."),
    idempotency_key: str = typer.Option("", help="A repeat with the same key and file counts once."),
) -> None:
    """Send what really happened after predictions.

    A label is unmatched when its prediction is not known: a moment after the prediction it may be.
    """
    from fp_cli import client as clients
    from fp_cli import ground_truth
    from fp_cli.reading import text_of

    state: State = context.obj
    labels = ground_truth.read(text_of(file))
    with clients.connect(state) as client:
        key = clients.idempotency_key(idempotency_key)
        outcome = ground_truth.submit(client, model, labels, key, patience=patience)
    if unmatched is not None:
        ground_truth.write(outcome.unmatched, unmatched)
    facts = {"accepted": outcome.accepted, "repeated": outcome.repeated, "unmatched": len(outcome.unmatched)}
    done(state, ", ".join(f"{count} {name}" for name, count in facts.items()), **facts)
    if outcome.unmatched:
        say(
            state, "send what is unmatched again when the predictions are known: see --wait and --unmatched", aside=True
        )
