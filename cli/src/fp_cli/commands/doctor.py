"""fp doctor."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fp_cli.commands.stack import DATA, folder
from fp_cli.output import State, rows, say

if TYPE_CHECKING:
    from fp_cli import checkup_rows
    from fp_cli.client import Client

_PREDICT = typer.Option(False, "--predict", help="Deploy a tiny model, ask it, and take it away again.")
_COLUMNS = ("check", "result", "detail", "todo")
_FAILED = 1


def add_to(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(context: typer.Context, data: Path | None = DATA, predict: bool = _PREDICT) -> None:
    """Look at everything that a platform needs, and say what to do; exits 1 when something fails."""
    from fp_kernel import Error
    from fp_rpc.wire import wire_revision

    from fp_cli import checkup, checkup_rows
    from fp_cli import context as contexts
    from fp_cli.client import connect

    state: State = context.obj
    local = folder(state, data, new=bool(state.address))
    known = data is not None or str(local) == contexts.load(state.context, new=True).data_folder
    here = known and local.is_dir()
    found: list[checkup_rows.Row] = []
    try:
        with connect(state) as client:
            found += checkup.of_platform(client, wire_revision())
            found += () if here else checkup.elsewhere(client)
            found += _predictions(client) if predict else ()
    except Error as error:
        found.append(checkup_rows.failing("platform", error))
    found += checkup.of_bus(state)
    if here:
        found += checkup.of_machine(local)
    rows(state, _COLUMNS, [asdict(row) for row in found])
    counts = {result: sum(row.result == result for row in found) for result in (checkup_rows.FAIL, checkup_rows.WARN)}
    say(state, f"{counts['fail']} failed, {counts['warn']} to look at, of {len(found)}", aside=True)
    if counts[checkup_rows.FAIL]:
        raise typer.Exit(_FAILED)


def _predictions(client: "Client") -> "Iterator[checkup_rows.Row]":
    from fp_cli import trial

    yield trial.of_predictions(client)
