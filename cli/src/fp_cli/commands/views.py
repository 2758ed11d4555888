"""fp features views."""

from pathlib import Path

import typer

from fp_cli.output import State, done, record, rows, say

app = typer.Typer(help="Feature views: which features are stored of which entity.", no_args_is_help=True)
_VIEW = ("name", "entity", "features", "schema_version", "version", "updated_at", "id")
_FEATURE = ("name", "value_type", "dimension", "description")


@app.command("list")
def list_views(
    context: typer.Context,
    name: str = typer.Option("", help="Part of the name, in any case."),
    limit: int = typer.Option(100, min=1),
) -> None:
    """List feature views."""
    from forgepoint.featurestore.v1 import featurestore_pb2, featurestore_pb2_grpc

    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = featurestore_pb2_grpc.FeatureStoreServiceStub(client.channel)
        request = featurestore_pb2.ListFeatureViewsRequest(name_filter=name)
        items = [plain(view) for view in client.pages(stub.ListFeatureViews, request, "feature_views", limit)]
    if not state.structured:
        for item in items:
            item["entity"] = item["entity"]["name"]
            item["features"] = [feature["name"] for feature in item["features"]]
    rows(state, _VIEW, items)


@app.command("get")
def get_view(context: typer.Context, name: str = typer.Argument(help="Name or id.")) -> None:
    """Show a feature view with its features."""
    from fp_cli import names
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        view = plain(names.view(client, name))
    record(
        state,
        view,
        ("name", "description", "entity", "schema_version", "version", "online_ttl", "retention", "updated_at", "id"),
    )
    if not state.structured:
        say(state, "")
        rows(state, _FEATURE, view["features"])


@app.command("define")
def define_view(
    context: typer.Context,
    file: Path = typer.Argument(
        help="JSON or YAML of a DefineFeatureViewRequest; - reads standard input.", allow_dash=True
    ),
    idempotency_key: str = typer.Option("", help="A repeat with the same key happens once."),
) -> None:
    """Define a feature view, or change one: features may be added, the same definition changes nothing."""
    from forgepoint.featurestore.v1 import featurestore_pb2, featurestore_pb2_grpc

    from fp_cli import client as clients
    from fp_cli import documents
    from fp_cli.messages import plain

    state: State = context.obj
    request = documents.fill(featurestore_pb2.DefineFeatureViewRequest(), documents.load(file, "feature view"))
    request.idempotency_key = clients.idempotency_key(idempotency_key)
    with clients.connect(state) as client:
        stub = featurestore_pb2_grpc.FeatureStoreServiceStub(client.channel)
        view = client.call(stub.DefineFeatureView, request).feature_view
    record(state, plain(view), ("id", "name", "schema_version", "version"))


@app.command("delete")
def delete_view(context: typer.Context, name: str = typer.Argument(help="Name or id.")) -> None:
    """Delete a feature view; its log stays, its name is free again."""
    from forgepoint.featurestore.v1 import featurestore_pb2, featurestore_pb2_grpc

    from fp_cli import client as clients
    from fp_cli import names

    state: State = context.obj
    with clients.connect(state) as client:
        stub = featurestore_pb2_grpc.FeatureStoreServiceStub(client.channel)
        view_id = names.view(client, name).id
        request = featurestore_pb2.DeleteFeatureViewRequest(
            feature_view_id=view_id, idempotency_key=clients.idempotency_key("")
        )
        client.call(stub.DeleteFeatureView, request)
    done(state, f"{name} is deleted", id=view_id, deleted=True)
