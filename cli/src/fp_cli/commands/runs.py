"""fp runs."""

from pathlib import Path

import typer

from fp_cli.choices import RunEnd, RunStatus, number
from fp_cli.output import State, document, done, record, rows, say

app = typer.Typer(help="Runs of experiments: parameters and metrics.", no_args_is_help=True)
_RUN = ("display_name", "status", "started_at", "ended_at", "metrics", "params", "id")
_POINT = ("key", "step", "value", "timestamp")


@app.command("list")
def list_runs(
    context: typer.Context,
    experiment: str = typer.Argument("", help="Name or id; default: the runs of every experiment."),
    status: RunStatus | None = typer.Option(None, case_sensitive=False),
    matching: str = typer.Option("", "--filter", help='Such as: metrics.loss < 0.3 and params.model = "xgb".'),
    limit: int = typer.Option(100, min=1),
) -> None:
    """List runs, newest first."""
    from forgepoint.experiment.v1 import experiment_pb2, experiment_pb2_grpc

    from fp_cli import names, run_tables
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = experiment_pb2_grpc.ExperimentTrackerServiceStub(client.channel)
        request = experiment_pb2.ListRunsRequest(
            experiment_id=names.experiment(client, experiment) if experiment else "",
            status_filter=number(experiment_pb2.RunStatus, status),
            filter=matching,
        )
        items = [plain(run) for run in client.pages(stub.ListRuns, request, "runs", limit)]
    rows(state, _RUN, items if state.structured else map(run_tables.brief, items))


@app.command("get")
def get_run(context: typer.Context, run_id: str) -> None:
    """Show a run with its parameters, final metrics and the data it read."""
    from forgepoint.experiment.v1 import experiment_pb2, experiment_pb2_grpc
    from fp_kernel import Kind

    from fp_cli import run_tables
    from fp_cli.client import connect
    from fp_cli.failures import advising
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = experiment_pb2_grpc.ExperimentTrackerServiceStub(client.channel)
        with advising(Kind.NOT_FOUND, f"the run of a version may be an execution: `fp pipelines status {run_id}`"):
            run = plain(client.call(stub.GetRun, experiment_pb2.GetRunRequest(id=run_id)).run)
    if state.structured:
        document(state, run)
        return
    more = ("experiment_id", "execution_id", "model_version_id", "inputs", "artifacts", "owner_id")
    record(state, run_tables.brief(run), (*_RUN, *more))


@app.command("compare")
def compare(
    context: typer.Context,
    run_ids: list[str] = typer.Argument(metavar="RUN...", help="Ids of two to twenty runs."),
    metrics: list[str] = typer.Option([], "--metric", help="Only this one; may be given several times."),
    differing: bool = typer.Option(False, "--diff", help="Only what is not the same in all of them."),
) -> None:
    """Show parameters and metrics of runs side by side."""
    from forgepoint.experiment.v1 import experiment_pb2, experiment_pb2_grpc

    from fp_cli import run_tables
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = experiment_pb2_grpc.ExperimentTrackerServiceStub(client.channel)
        request = experiment_pb2.CompareRunsRequest(run_ids=run_ids, metric_keys=metrics)
        found = [plain(each) for each in client.call(stub.CompareRuns, request).comparisons]
    if state.structured:
        document(state, found)
    else:
        columns, items = run_tables.side_by_side(found, metrics, differing=differing)
        rows(state, columns, items)


@app.command("metrics")
def metrics(
    context: typer.Context,
    run_id: str,
    keys: list[str] = typer.Option([], "--metric", help="Only this one; may be given several times."),
    points: int = typer.Option(0, "--points", min=0, help="At most so many of each, with ends and extremes; 0: all."),
    out: Path | None = typer.Option(None, "--out", help="Write CSV to this file; - is stdout.", allow_dash=True),
) -> None:
    """Show every point of a run's metrics."""
    from fp_cli import metric_points
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        found = [plain(point) for point in metric_points.of_run(client, run_id, keys, points)]
    if out is not None:
        metric_points.write_csv(found, out)
    else:
        rows(state, _POINT, found)


@app.command("start")
def start(
    context: typer.Context,
    experiment: str = typer.Argument(help="Name or id."),
    name: str = typer.Option("", help="Of the run."),
    param: list[str] = typer.Option([], help="name=value; may be given several times."),
    idempotency_key: str = typer.Option("", help="A repeat with the same key happens once."),
) -> None:
    """Start a run, from a script; its id is printed."""
    from forgepoint.experiment.v1 import experiment_pb2, experiment_pb2_grpc

    from fp_cli import client as clients
    from fp_cli import names, pairs
    from fp_cli.messages import plain

    state: State = context.obj
    given = pairs.texts(param, "param")
    with clients.connect(state) as client:
        stub = experiment_pb2_grpc.ExperimentTrackerServiceStub(client.channel)
        request = experiment_pb2.StartRunRequest(
            experiment_id=names.experiment(client, experiment),
            display_name=name,
            params=[experiment_pb2.Param(key=key, value=value) for key, value in given.items()],
            idempotency_key=clients.idempotency_key(idempotency_key),
        )
        run = client.call(stub.StartRun, request).run
    record(state, plain(run), ("id", "status"))
    say(state, f"log to it: fp runs log {run.id} loss=0.3 --step 1")


@app.command("log")
def log(
    context: typer.Context,
    run_id: str,
    values: list[str] = typer.Argument(metavar="METRIC=VALUE..."),
    step: int = typer.Option(0, help="The first value of a step stays."),
) -> None:
    """Log metrics of a run."""
    from forgepoint.experiment.v1 import experiment_pb2, experiment_pb2_grpc

    from fp_cli import pairs
    from fp_cli.client import connect, idempotency_key

    state: State = context.obj
    given = pairs.numbers(values, "metric", finite=False)
    with connect(state) as client:
        stub = experiment_pb2_grpc.ExperimentTrackerServiceStub(client.channel)
        request = experiment_pb2.LogMetricsRequest(
            run_id=run_id,
            points=[experiment_pb2.MetricPoint(key=key, value=value, step=step) for key, value in given.items()],
            idempotency_key=idempotency_key(""),
        )
        count = client.call(stub.LogMetrics, request).accepted_count
    done(state, f"{count} points are new", accepted=count)


@app.command("delete")
def delete(
    context: typer.Context,
    run_id: str,
    idempotency_key: str = typer.Option("", help="A repeat with the same key happens once."),
) -> None:
    """Delete a run with its metrics and parameters; lineage goes on naming its id."""
    from forgepoint.experiment.v1 import experiment_pb2, experiment_pb2_grpc

    from fp_cli import client as clients

    state: State = context.obj
    with clients.connect(state) as client:
        stub = experiment_pb2_grpc.ExperimentTrackerServiceStub(client.channel)
        key = clients.idempotency_key(idempotency_key)
        client.call(stub.DeleteRun, experiment_pb2.DeleteRunRequest(run_id=run_id, idempotency_key=key))
    done(state, f"run {run_id} is deleted", id=run_id)


@app.command("end")
def end(
    context: typer.Context,
    run_id: str,
    status: RunEnd = typer.Option(RunEnd.FINISHED, case_sensitive=False),
) -> None:
    """End a run."""
    from forgepoint.experiment.v1 import experiment_pb2, experiment_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = experiment_pb2_grpc.ExperimentTrackerServiceStub(client.channel)
        ended = number(experiment_pb2.RunStatus, status)
        request = experiment_pb2.UpdateRunStatusRequest(run_id=run_id, status=ended)
        record(state, plain(client.call(stub.UpdateRunStatus, request).run), ("id", "status"))
