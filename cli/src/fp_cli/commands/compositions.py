"""fp models show, ensembles: one version, and what it is a step of."""

from typing import TYPE_CHECKING, Any

import typer

from fp_cli.output import State, record, rows, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fp_cli.client import Client

_NAME = typer.Argument(help="Name or id of the model.")
_FACTS = ("version", "stage", "status", "failure_reason", "size_bytes", "artifact_digest", "created_at", "run_id", "id")
_MEMBER = ("step", "model_name", "version", "size_bytes", "version_id")
_ENSEMBLE = ("model_name", "version", "stage", "steps", "model_archived", "version_id")
_SHOWN = 20


def add_to(app: typer.Typer) -> None:
    app.command("show")(show)
    app.command("ensembles")(ensembles)


def show(
    context: typer.Context,
    name: str = _NAME,
    version: str = typer.Argument("", help="The version; without it the one in PRODUCTION."),
) -> None:
    """Show a version: what it is made of, and the ensembles in use that run it."""
    from fp_cli import names
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        found = names.version_or_production(client, name, version)
        used = [plain(each) for each in _used_by(client, _SHOWN, version_id=found.id)]
    shown = plain(found)
    if state.structured:
        record(state, {**shown, "used_by": used})
        return
    record(state, shown, _FACTS)
    if shown["members"]:
        say(state, "\nis an ensemble of")
        rows(state, _MEMBER, shown["members"])
    if used:
        say(state, "\nis a step of")
        rows(state, _ENSEMBLE[:4], used)
    if len(used) == _SHOWN:
        say(state, f"the newest {_SHOWN}; `fp models ensembles {name} {shown['version']}` has all")


def ensembles(
    context: typer.Context,
    name: str = _NAME,
    version: str = typer.Argument("", help="Default: any of the model's versions."),
    archived: bool = typer.Option(False, "--archived", help="Also those that are archived."),
    limit: int = typer.Option(100, min=1),
) -> None:
    """List the ensembles that run a version, newest first. A model that one in use runs cannot be archived."""
    from fp_cli import names
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        if version:
            wanted = {"version_id": names.version(client, name, version).id}
        else:
            wanted = {"model_id": names.model(client, name).id}
        found = _used_by(client, limit, include_archived=archived, **wanted)
        rows(state, _ENSEMBLE, [plain(each) for each in found])


def _used_by(client: "Client", limit: int, **wanted: Any) -> "Iterator[Any]":
    from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc

    stub = registry_pb2_grpc.RegistryServiceStub(client.channel)
    return client.pages(stub.ListEnsembles, registry_pb2.ListEnsemblesRequest(**wanted), "ensembles", limit)
