"""fp models."""

from typing import TYPE_CHECKING, Any

import typer

from fp_cli.commands import backtest, compositions, releases, served_files
from fp_cli.output import State, record, rows, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fp_cli.client import Client

app = typer.Typer(help="Models and their versions.", no_args_is_help=True)
releases.add_to(app)
served_files.add_to(app)
compositions.add_to(app)
backtest.add_to(app)
_MODEL = ("name", "production_version", "latest_version", "created_at", "task_type", "framework", "tags", "id")
_VERSION = ("version", "stage", "status", "created_at", "size_bytes", "metrics", "run_id", "id")
_NAMED = 5
_STAGES = ("DEV", "STAGING", "PRODUCTION", "ARCHIVED")


@app.command("list")
def list_models(
    context: typer.Context,
    framework: str = typer.Option(""),
    task_type: str = typer.Option(""),
    tag: str = typer.Option("", help="name=value; not together with the other filters."),
    archived: bool = typer.Option(False, "--archived", help="Archived ones too."),
    limit: int = typer.Option(100, min=1),
) -> None:
    """List models."""
    from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc
    from fp_kernel import invalid

    from fp_cli import pairs
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    if tag and (framework or task_type or archived):
        raise invalid("tag", "cannot be given with --framework, --task-type or --archived")
    request = registry_pb2.ListModelsRequest(
        framework_filter=framework, task_type_filter=task_type, include_archived=archived
    )
    with connect(state) as client:
        stub = registry_pb2_grpc.RegistryServiceStub(client.channel)
        if tag:
            ((key, value),) = pairs.texts([tag], "tag").items()
            found = client.pages(
                stub.SearchByTag, registry_pb2.SearchByTagRequest(key=key, value=value), "models", limit
            )
        else:
            found = client.pages(stub.ListModels, request, "models", limit)
        rows(state, _MODEL, [plain(model) for model in found])


@app.command("get")
def get_model(context: typer.Context, name: str = typer.Argument(help="Name or id.")) -> None:
    """Show a model."""
    from fp_cli import names
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        record(state, plain(names.model(client, name)), ("name", "description", *_MODEL[1:], "updated_at"))


@app.command("versions")
def list_versions(
    context: typer.Context,
    name: str = typer.Argument(help="Name or id of the model."),
    limit: int = typer.Option(100, min=1),
) -> None:
    """List the versions of a model."""
    from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc

    from fp_cli import names
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = registry_pb2_grpc.RegistryServiceStub(client.channel)
        request = registry_pb2.ListVersionsRequest(model_id=names.model(client, name).id)
        found = client.pages(stub.ListVersions, request, "versions", limit)
        rows(state, _VERSION, [plain(version) for version in found])


@app.command("promote")
def promote(
    context: typer.Context,
    name: str = typer.Argument(help="Name or id of the model."),
    version: str = typer.Argument(help="The version."),
    stage: str = typer.Option("PRODUCTION", help=f"One of {', '.join(_STAGES)}."),
) -> None:
    """Move a version to a stage. Traffic moves with a deployment, not with the stage."""
    from fp_kernel import invalid

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    if stage.upper() not in _STAGES:
        raise invalid("stage", f"must be one of {', '.join(_STAGES)}")
    with connect(state) as client:
        response = _promote(client, name, version, f"MODEL_STAGE_{stage.upper()}")
        used = _ensembles(client, response.version.id) if stage.upper() == "ARCHIVED" else ()
    record(state, plain(response.version), ("id", "version", "stage"))
    if response.HasField("demoted_version"):
        say(state, f"version {response.demoted_version.version} is archived now")
    if used:
        said = ", ".join(f"{each.model_name} version {each.version}" for each in used)
        say(state, f"its artifact stays: {said} {'runs' if len(used) == 1 else 'run'} it")


def _ensembles(client: "Client", version_id: str) -> "Sequence[Any]":
    from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc

    stub = registry_pb2_grpc.RegistryServiceStub(client.channel)
    request = registry_pb2.ListEnsemblesRequest(version_id=version_id)
    return list(client.pages(stub.ListEnsembles, request, "ensembles", _NAMED))


def _promote(client: "Client", name: str, version: str, stage: str) -> Any:
    from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc

    from fp_cli import names
    from fp_cli.client import idempotency_key

    stub = registry_pb2_grpc.RegistryServiceStub(client.channel)
    request = registry_pb2.PromoteVersionRequest(
        version_id=names.version(client, name, version).id,
        target_stage=registry_pb2.ModelStage.Value(stage),
        idempotency_key=idempotency_key(""),
    )
    return client.call(stub.PromoteVersion, request)
