"""fp context."""

from typing import TYPE_CHECKING

import typer

from fp_cli.output import State, done, record, rows, say

if TYPE_CHECKING:
    from fp_cli.context import Contexts

app = typer.Typer(help="Platforms that this computer knows, and the login at each.", no_args_is_help=True)
_COLUMNS = ("name", "current", "address", "email", "data_folder")


def _known() -> list[str]:
    from fp_cli import context as contexts

    return sorted(contexts.everything().by_name)


_NAME = typer.Argument(help="Name of a context.", autocompletion=_known)


@app.command("list")
def list_contexts(context: typer.Context) -> None:
    """List contexts; `fp login --context NAME --address HOST:PORT` and `fp up --context NAME` make them."""
    from fp_cli import context as contexts

    state: State = context.obj
    known = contexts.everything()
    rows(state, _COLUMNS, [_facts(known, name) for name in sorted(known.by_name)])


@app.command("current")
def current_context(context: typer.Context) -> None:
    """Show the context that commands use."""
    from fp_kernel import FailedPrecondition

    from fp_cli import context as contexts

    state: State = context.obj
    known = contexts.everything()
    name = state.context or known.current
    if state.context:
        contexts.load(name)
    if name not in known.by_name:
        step = {"next_step": "choose one of `fp context list` with `fp context use NAME`, or log in"}
        raise FailedPrecondition("no context is current", metadata=step)
    record(state, _facts(known, name), _COLUMNS)


@app.command("use")
def use_context(context: typer.Context, name: str = _NAME) -> None:
    """Make it the one that commands use."""
    from fp_cli import context as contexts

    contexts.use(name)
    done(context.obj, f"{name} is the current context", name=name, current=True)


@app.command("delete")
def delete_context(context: typer.Context, name: str = _NAME) -> None:
    """Forget a platform and the login there; the platform itself stays as it is."""
    from fp_cli import context as contexts

    state: State = context.obj
    contexts.delete(name)
    done(state, f"{name} is forgotten", name=name, deleted=True)
    if not contexts.everything().current:
        say(state, "no context is current now: `fp context use NAME` chooses one", aside=True)


def _facts(known: "Contexts", name: str) -> dict[str, object]:
    found = known.by_name[name]
    return {
        "name": name,
        "current": name == known.current,
        "address": found.address,
        "http_address": found.http_address,
        "email": found.email,
        "data_folder": found.data_folder,
    }
