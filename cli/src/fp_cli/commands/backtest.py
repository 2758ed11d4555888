"""fp models backtest."""

from typing import TYPE_CHECKING

import typer

from fp_cli.output import State, record

if TYPE_CHECKING:
    from fp_jobs.models import Run

    from fp_cli.client import Client


def add_to(app: typer.Typer) -> None:
    app.command("backtest")(backtest)


def backtest(
    context: typer.Context,
    version: str = typer.Argument(help="MODEL@VERSION, such as delays@4; it need not be deployed."),
    last: str = typer.Option("14d", help="How far back, such as 14d or 12h."),
    limit: int = typer.Option(20_000, min=1, help="The newest so many predictions."),
    of: str = typer.Option("", help="Only predictions of this version; default: of all."),
    metric: str = typer.Option(
        "", help="auc, log_loss, accuracy or rmse: fail when more than --max-loss of it is lost."
    ),
    max_loss: float = typer.Option(0.02, min=0, help="Share of the recorded answers' value."),
) -> None:
    """Ask a version what others were asked, here and with their logged inputs, and compare the answers.

    With --metric it is a gate: it ends with an error when the version is worse than what was answered.
    """
    from forgepoint.monitor.v1 import prediction_log_pb2 as pb
    from fp_jobs import backtests
    from fp_kernel import FailedPrecondition, SystemClock, invalid
    from fp_kernel.judging import MORE_IS_BETTER

    from fp_cli import names, prediction_logs
    from fp_cli.client import connect

    state: State = context.obj
    model, at, number = version.rpartition("@")
    if not at or not model or not number:
        raise invalid("version", f"{version!r} is not MODEL@VERSION")
    if metric and metric not in MORE_IS_BETTER:
        raise invalid("metric", f"{metric!r} is none of {', '.join(MORE_IS_BETTER)}")
    request = pb.ListPredictionsRequest(model_name=model, version=of)
    request.since.FromDatetime(SystemClock().now() - backtests.span(last))
    with connect(state) as client:
        found = names.version(client, model, number)
        run = _run_of(client, found.id)
        records = client.pages(prediction_logs.stub(client).ListPredictions, request, "predictions", limit)
        report = backtests.backtest(records, run, found.baseline_profile.prediction.labels)
    facts = backtests.facts(report)
    record(state, facts)
    if metric and report.lost(metric) > max_loss:
        raise FailedPrecondition(
            f"version {number} loses {report.lost(metric):.1%} of {metric}, more than {max_loss:.1%}"
        )


def _run_of(client: "Client", version_id: str) -> "Run":
    """Of an ensemble with all that it is made of. Raises FailedPrecondition."""
    from fp_jobs import models
    from fp_kernel import FailedPrecondition

    from fp_cli import artifacts, model_speed

    content = artifacts.content(client, version_id)
    members = {each: artifacts.content(client, each) for each in models.members_of(content)}
    try:
        return models.runner(content, members)
    except ImportError:
        raise FailedPrecondition(model_speed.MISSING) from None
