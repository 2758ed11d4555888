"""fp why: what an answer came from, and what came of it."""

import typer

from fp_cli.output import State, document, drawing


def add_to(app: typer.Typer) -> None:
    app.command("why")(why)


def why(
    context: typer.Context,
    request_id: str = typer.Argument(help="Of the prediction, as its answer said."),
    model: str = typer.Option("", help="Which has it; default: it is looked for in every log of the team."),
) -> None:
    """Show where a logged prediction came from and what came of it, from the training data to the bill."""
    from forgepoint.platform.v1 import platform_pb2 as pb
    from forgepoint.platform.v1.platform_pb2_grpc import PlatformServiceStub

    from fp_cli import prediction_logs, trails
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    request = pb.GetPredictionTrailRequest(request_id=request_id, model_name=model)
    with connect(state) as client, prediction_logs.advised():
        found = client.call(PlatformServiceStub(client.channel).GetPredictionTrail, request).trail
    if state.structured:
        document(state, plain(found))
    else:
        drawing(trails.lines(found))
