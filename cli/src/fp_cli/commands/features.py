"""fp features."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fp_cli.choices import RebuildTarget, number
from fp_cli.commands import views
from fp_cli.output import State, document, done, rows, say, streamed

if TYPE_CHECKING:
    from fp_cli.feature_files import Vectors

app = typer.Typer(help="Features: what was true when, and since when it was known.", no_args_is_help=True)
app.add_typer(views.app, name="views")
VIEW = typer.Argument(help="Name or id of the view.")
_FEATURES = typer.Option([], "--feature", help="Only this one; may be given several times.")


@app.command("write")
def write(
    context: typer.Context,
    view: str = VIEW,
    file: Path = typer.Argument(help="CSV or JSON, one row an entity and time; - is standard input.", allow_dash=True),
    idempotency_key: str = typer.Option("", help="A repeat with the same key and file writes nothing twice."),
) -> None:
    """Write rows of features from a file.

    CSV: a column named as the view's join key or entity_id, columns named as features, and if wanted event_time (when
    it was true) and available_at (since when it was known); an empty cell is no value. JSON: an array, or one object a
    line, {"entity_id", "values": {...}, "event_time"}. Times without a zone are UTC.
    """
    from fp_cli import client as clients
    from fp_cli import feature_files, names
    from fp_cli.reading import text_of

    state: State = context.obj
    text = text_of(file)
    with clients.connect(state) as client:
        found = names.view(client, view)
        key = clients.idempotency_key(idempotency_key)
        count, version = feature_files.write(client, found, text, key)
    done(state, f"{count} rows are written, {view} is at version {version}", written=count, version=version)


@app.command("get")
def get(
    context: typer.Context,
    view: str = VIEW,
    entities: list[str] = typer.Argument(metavar="ENTITY...", help="Ids of entities."),
    features: list[str] = _FEATURES,
) -> None:
    """Show the newest values of entities, from the online view."""
    from fp_cli import feature_files, names
    from fp_cli.client import connect

    state: State = context.obj
    with connect(state) as client:
        found = names.view(client, view)
        _print(state, feature_files.online(client, found, entities, features), file=None)


@app.command("history")
def history(
    context: typer.Context,
    view: str = VIEW,
    entities: list[str] = typer.Argument(None, metavar="ENTITY...", help="Ids of entities."),
    as_of: str = typer.Option(..., "--as-of", help="What was true at this time, such as 2013-03-01T12:00:00Z."),
    known_as_of: str = typer.Option("", "--known-as-of", help="And known by this time; default: --as-of."),
    features: list[str] = _FEATURES,
    entities_file: Path | None = typer.Option(
        None, help="Ids of entities, one a line; - is standard input.", allow_dash=True
    ),
    out: Path | None = typer.Option(
        None, "--out", help="Write CSV to this file; - is standard output.", allow_dash=True
    ),
) -> None:
    """Show the values that were true at a time, as far as they were known at a time."""
    from fp_cli import feature_files, names
    from fp_cli.client import connect
    from fp_cli.reading import lines_of, text_of

    state: State = context.obj
    wanted = list(entities or [])
    if entities_file is not None:
        wanted += [line.strip() for _, line in lines_of(text_of(entities_file, "entities-file"))]
    with connect(state) as client:
        past = feature_files.Past(as_of, known_as_of)
        found = feature_files.history(client, names.view(client, view), wanted, features, past)
        _print(state, found, file=out)


@app.command("training-set")
def training_set(
    context: typer.Context,
    rows_of: str = typer.Option("", "--rows", help="View whose rows are those of the set; VIEW:a,b for some features."),
    start: str = typer.Option("", help="First event time of a row."),
    end: str = typer.Option("", help="First event time after the last row."),
    known_as_of: str = typer.Option("", "--known-as-of", help="Nothing that became known later is in the set."),
    views: list[str] = typer.Option([], "--view", help="Another view, read at each row's time; several times."),
    labels: list[str] = typer.Option([], "--label", help="View read at --known-as-of; rows without it are left out."),
    known_later: bool = typer.Option(False, "--known-later", help="Also what became known after a row's own time."),
    file: Path | None = typer.Option(None, help="JSON or YAML of a GetTrainingSetRequest instead.", allow_dash=True),
    out: Path = typer.Option(Path("-"), "--out", help="File to write; - is standard output.", allow_dash=True),
) -> None:
    """Write a training set as CSV, or with -o one object after the other. The same question has the same answer."""
    from fp_cli import feature_files, training_set
    from fp_cli.client import connect

    state: State = context.obj
    selection = training_set.Selection(rows_of, start, end, known_as_of, views, labels, known_later)
    request = feature_files.training_request(file) if file is not None else training_set.request(selection)
    with connect(state) as client:
        count, known = feature_files.training(client, request, out, state.output)
    say(state, f"{count} rows, as known at {known}", aside=str(out) == "-")


@app.command("rebuild")
def rebuild(
    context: typer.Context,
    view: str = typer.Argument("", help="Name or id of a view; default: every view of the team."),
    target: RebuildTarget = typer.Option(RebuildTarget.ALL, case_sensitive=False, help="Which views of the log."),
) -> None:
    """Make the online and the offline view anew from the log, while everything goes on."""
    from forgepoint.featurestore.v1 import featurestore_pb2, featurestore_pb2_grpc

    from fp_cli import names
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    last: Any = None
    with connect(state) as client:
        stub = featurestore_pb2_grpc.FeatureStoreServiceStub(client.channel)
        request = featurestore_pb2.RebuildViewsRequest(
            feature_view_id=names.view(client, view).id if view else "",
            target=number(featurestore_pb2.RebuildTarget, target),
        )
        for last in client.stream(stub.RebuildViews, request):
            if state.structured:
                streamed(state, plain(last))
            elif not last.done:
                say(state, f"{last.events_replayed} of {last.total_events} events", aside=True)
    if not state.structured and last is not None:
        say(state, f"{last.events_replayed} events are replayed")


def _print(state: State, found: "Vectors", *, file: Path | None) -> None:
    """Vectors as JSON, as CSV, or as a table."""
    from fp_cli import feature_files

    if file is not None:
        feature_files.write_csv(found, file)
    elif state.structured:
        document(state, {"vectors": found.items, "missing_entity_ids": found.missing})
    else:
        shown = [
            item["values"] | {"entity_id": item["entity_id"], "event_time": item["event_time"]} for item in found.items
        ]
        rows(state, ("entity_id", *found.names, "event_time"), shown)
    if found.missing and not state.structured:
        text = f"{len(found.missing)} without values: {', '.join(found.missing[:10])}"
        say(state, text + (" ..." if len(found.missing) > 10 else ""), aside=True)  # noqa: PLR2004 -- as many as shown
