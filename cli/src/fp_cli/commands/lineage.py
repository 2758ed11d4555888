"""fp lineage."""

from typing import TYPE_CHECKING

import typer

from fp_cli.output import State, document, drawing

if TYPE_CHECKING:
    from fp_cli.client import Client


def add_to(app: typer.Typer) -> None:
    app.command("lineage")(lineage)


def lineage(
    context: typer.Context,
    version: str = typer.Argument(metavar="MODEL[@VERSION]", help="Without a version: the one in production."),
    every_report: bool = typer.Option(False, "--reports", help="Each drift report, also those that started nothing."),
) -> None:
    """Show what a version came from and what came of it.

    Data -> run -> version -> deployment -> drift report -> retraining -> next version. JSON is the whole graph.
    """
    from forgepoint.experiment.v1 import experiment_pb2, experiment_pb2_grpc
    from fp_kernel import Kind

    from fp_cli import lineage_tree
    from fp_cli.client import connect
    from fp_cli.failures import advising
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        model, number = _named(client, version)
        stub = experiment_pb2_grpc.ExperimentTrackerServiceStub(client.channel)
        request = experiment_pb2.GetLineageRequest(model_name=model, version=number)
        step = f"`fp models versions {model}` shows which there are; what is new is known here within moments"
        with advising(Kind.NOT_FOUND, step):
            found = client.call(stub.GetLineage, request)
    if state.structured:
        document(state, plain(found))
    else:
        drawing(lineage_tree.lines(found, f"{model}@{number}", every_report=every_report))


def _named(client: "Client", text: str) -> tuple[str, str]:
    """Model and version of `model@version`; of a model alone the version in production.

    Raises InvalidArgument, NotFound.
    """
    from fp_kernel import NotFound, invalid

    from fp_cli import names

    model, separator, number = text.rpartition("@")
    if separator:
        if not model or not number:
            raise invalid("version", f"{text!r} is not MODEL@VERSION")
        return model, number
    found = names.model(client, text)
    if not found.production_version:
        step = f"name one: `fp models versions {found.name}` shows which there are"
        raise NotFound(f"{found.name} has no version in production", metadata={"next_step": step})
    return str(found.name), str(found.production_version)
