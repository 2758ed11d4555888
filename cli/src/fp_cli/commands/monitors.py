"""fp monitors."""

from pathlib import Path
from typing import Any

import typer

from fp_cli.choices import DriftSeverity, MonitorState, number
from fp_cli.commands import reports
from fp_cli.output import State, document, done, record, rows, say

app = typer.Typer(
    help="Monitors: do served models still see what they learned, and are they still right?", no_args_is_help=True
)
reports.add_to(app)
MODEL = typer.Argument(help="Name of the model.")


@app.command("list")
def list_monitors(
    context: typer.Context,
    severity: DriftSeverity | None = typer.Option(None, case_sensitive=False, help="As bad as this, or worse."),
    monitor_state: MonitorState | None = typer.Option(None, "--state", case_sensitive=False),
    limit: int = typer.Option(100, min=1),
) -> None:
    """List monitors with the health of their models."""
    from forgepoint.monitor.v1 import monitor_pb2, monitor_pb2_grpc

    from fp_cli import health
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = monitor_pb2_grpc.MonitorServiceStub(client.channel)
        request = monitor_pb2.ListMonitorsRequest(
            min_severity=number(monitor_pb2.DriftSeverity, severity),
            state=number(monitor_pb2.MonitorState, monitor_state),
        )
        found = list(client.pages(stub.ListMonitors, request, "entries", limit))
    if state.structured:
        document(state, [plain(entry) for entry in found])
    else:
        rows(state, health.COLUMNS, [health.facts(entry.health) for entry in found])


@app.command("health")
def show_health(context: typer.Context, model: str = MODEL) -> None:
    """Show the health of a model in one glance."""
    from forgepoint.monitor.v1 import monitor_pb2, monitor_pb2_grpc

    from fp_cli import health
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client, health.advised():
        stub = monitor_pb2_grpc.MonitorServiceStub(client.channel)
        found = client.call(stub.GetModelHealth, monitor_pb2.GetModelHealthRequest(model_name=model)).health
    record(state, plain(found) if state.structured else health.facts(found))


@app.command("get")
def get_monitor(context: typer.Context, model: str = MODEL) -> None:
    """Show a monitor: what it watches, its open window and its last report."""
    from fp_cli import health
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        found = plain(health.status(client, model))
    record(state, found if state.structured else health.summary(found))


@app.command("configure")
def configure(
    context: typer.Context,
    file: Path = typer.Argument(
        help="JSON or YAML of a ConfigureMonitorRequest; - reads standard input.", allow_dash=True
    ),
    pipeline: str = typer.Option("", "--retrain-with", help="Lost performance triggers this pipeline; name or id."),
    idempotency_key: str = typer.Option("", help="A repeat with the same key happens once."),
) -> None:
    """Create or change the monitor of a model; it is enabled unless the file says otherwise."""
    from forgepoint.monitor.v1 import monitor_pb2

    from fp_cli import client as clients
    from fp_cli import documents, health, names

    state: State = context.obj
    request = documents.fill(monitor_pb2.ConfigureMonitorRequest(), {"enabled": True} | documents.load(file, "monitor"))
    request.idempotency_key = clients.idempotency_key(idempotency_key)
    with clients.connect(state) as client:
        if pipeline:
            request.auto_retrain = True
            request.retrain_pipeline_id = names.pipeline(client, pipeline).id
        _configured(state, health.configure(client, request))


@app.command("pause")
def pause(context: typer.Context, model: str = MODEL) -> None:
    """Stop watching a model; its monitor stays."""
    _enable(context.obj, model, enabled=False)


@app.command("resume")
def resume(context: typer.Context, model: str = MODEL) -> None:
    """Watch a model again."""
    _enable(context.obj, model, enabled=True)


def _enable(state: State, model: str, *, enabled: bool) -> None:
    from fp_cli import health
    from fp_cli.client import connect

    with connect(state) as client:
        monitor = health.status(client, model).monitor
        request = health.configuration(monitor)
        request.enabled = enabled
        request.expected_revision = monitor.revision
        _configured(state, health.configure(client, request))


def _configured(state: State, response: Any) -> None:
    from fp_cli.messages import plain

    record(state, plain(response.monitor), ("model_name", "state", "served_version", "baseline_version", "id"))
    say(state, "created" if response.created else "changed")


@app.command("reset")
def reset(
    context: typer.Context,
    model: str = MODEL,
    version: str = typer.Option("", help="Default: the version in production."),
) -> None:
    """Compare with another version's training data, until the next promotion."""
    from forgepoint.monitor.v1 import monitor_pb2, monitor_pb2_grpc

    from fp_cli import client as clients
    from fp_cli import health
    from fp_cli.messages import plain

    state: State = context.obj
    request = monitor_pb2.ResetBaselineRequest(
        model_name=model, baseline_version=version, idempotency_key=clients.idempotency_key("")
    )
    with clients.connect(state) as client, health.advised():
        stub = monitor_pb2_grpc.MonitorServiceStub(client.channel)
        record(
            state, plain(client.call(stub.ResetBaseline, request).monitor), ("model_name", "state", "baseline_version")
        )


@app.command("delete")
def delete(
    context: typer.Context,
    model: str = MODEL,
    purge: bool = typer.Option(False, "--purge", help="Its reports as well."),
) -> None:
    """Delete a monitor with its windows and waiting predictions; reports stay unless they are purged."""
    from forgepoint.monitor.v1 import monitor_pb2, monitor_pb2_grpc

    from fp_cli import client as clients
    from fp_cli import health

    state: State = context.obj
    request = monitor_pb2.DeleteMonitorRequest(
        model_name=model, purge_reports=purge, idempotency_key=clients.idempotency_key("")
    )
    with clients.connect(state) as client, health.advised():
        stub = monitor_pb2_grpc.MonitorServiceStub(client.channel)
        count = client.call(stub.DeleteMonitor, request).purged_report_count
    done(state, f"the monitor of {model} is deleted", model_name=model, deleted=True, purged_reports=count)
