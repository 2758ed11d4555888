"""fp experiments."""

import typer

from fp_cli.output import State, done, record, rows

app = typer.Typer(help="Experiments: collections of runs.", no_args_is_help=True)
_COLUMNS = ("name", "description", "created_at", "tags", "archived_at", "id")


@app.command("list")
def list_experiments(
    context: typer.Context,
    archived: bool = typer.Option(False, "--archived", help="Archived ones too."),
    limit: int = typer.Option(100, min=1),
) -> None:
    """List experiments."""
    from forgepoint.experiment.v1 import experiment_pb2, experiment_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = experiment_pb2_grpc.ExperimentTrackerServiceStub(client.channel)
        request = experiment_pb2.ListExperimentsRequest(include_archived=archived)
        found = client.pages(stub.ListExperiments, request, "experiments", limit)
        rows(state, _COLUMNS, [plain(experiment) for experiment in found])


@app.command("get")
def get_experiment(context: typer.Context, name: str = typer.Argument(help="Name or id.")) -> None:
    """Show an experiment."""
    from forgepoint.experiment.v1 import experiment_pb2, experiment_pb2_grpc

    from fp_cli import names
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = experiment_pb2_grpc.ExperimentTrackerServiceStub(client.channel)
        request = experiment_pb2.GetExperimentRequest(id=names.experiment(client, name))
        record(state, plain(client.call(stub.GetExperiment, request).experiment), (*_COLUMNS, "updated_at"))


@app.command("create")
def create_experiment(
    context: typer.Context,
    name: str,
    description: str = typer.Option(""),
    tag: list[str] = typer.Option([], help="name=value; may be given several times."),
) -> None:
    """Create an experiment; its name is the team's for ever."""
    from forgepoint.experiment.v1 import experiment_pb2, experiment_pb2_grpc

    from fp_cli import pairs
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    request = experiment_pb2.CreateExperimentRequest(name=name, description=description, tags=pairs.texts(tag, "tag"))
    with connect(state) as client:
        stub = experiment_pb2_grpc.ExperimentTrackerServiceStub(client.channel)
        record(state, plain(client.call(stub.CreateExperiment, request).experiment), ("id", "name"))


@app.command("archive")
def archive_experiment(context: typer.Context, name: str = typer.Argument(help="Name or id.")) -> None:
    """Archive an experiment: its runs stay, new ones are refused."""
    from forgepoint.experiment.v1 import experiment_pb2, experiment_pb2_grpc

    from fp_cli import names
    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        stub = experiment_pb2_grpc.ExperimentTrackerServiceStub(client.channel)
        experiment_id = names.experiment(client, name)
        client.call(stub.ArchiveExperiment, experiment_pb2.ArchiveExperimentRequest(id=experiment_id))
    done(state, f"{name} is archived", id=experiment_id, archived=True)
