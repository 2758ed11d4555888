"""fp apply, fp diff, fp export: what a team keeps in files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fp_cli.cells import printable
from fp_cli.output import State, document, done, rows, say

if TYPE_CHECKING:
    from fp_cli.declared.applying import Going, Outcome

_COLUMNS = ("kind", "name", "outcome", "error")
_PLACES = typer.Option(
    ..., "-f", "--file", help="File or folder of YAML or JSON; - reads standard input. Several times.", allow_dash=True
)
_DIFFERENT = 1


def add_to(app: typer.Typer) -> None:
    app.command("apply")(apply)
    app.command("diff")(diff)
    app.command("export")(export)


def apply(
    context: typer.Context,
    places: list[Path] = _PLACES,
    dry_run: bool = typer.Option(False, "--dry-run", help="Write nothing; say what would be done."),
    set_name: str = typer.Option(
        "", "--set", help="Name of these files as a set: its objects are remembered as its own."
    ),
    prune: bool = typer.Option(False, "--prune", help="Delete what was applied from the set and is in it no more."),
    yes: bool = typer.Option(False, "--yes", help="Do not ask before something is deleted."),
) -> None:
    """Make the platform what the files say; what is equal already is not written.

    An object that fails does not keep the others; the exit code is that of the first one that failed.
    """
    from fp_kernel import invalid

    from fp_cli.client import connect
    from fp_cli.declared import files, sets
    from fp_cli.declared.applying import wanted

    state: State = context.obj
    if prune and not set_name:
        raise typer.BadParameter(
            "needs --set: nothing is deleted but what was applied from the same set.", param_hint="--prune"
        )
    objects = wanted(files.read(places))
    if prune and not objects:
        raise invalid("file", "nothing is declared in it, so --prune would delete the whole set")
    with connect(state) as client:
        kept = sets.Kept(client, set_name)
        goes = kept.no_longer(objects) if prune else []
        if goes and not dry_run and not yes:
            _ask(goes)
        outcomes = kept.apply(objects, goes, dry_run=dry_run)
    rows(state, _COLUMNS, [_facts(each) for each in outcomes])
    _summary(state, outcomes, dry_run=dry_run)
    _fail(outcomes)


def _ask(goes: Sequence["Going"]) -> None:
    """Raises FailedPrecondition where nobody can be asked, before anything is written."""
    import sys

    from fp_kernel import FailedPrecondition

    named = ", ".join(printable(f"{each.kind.name} {each.name}") for each in goes)
    if not sys.stdin.isatty():
        raise FailedPrecondition(
            f"--prune would delete {named}", metadata={"next_step": "give --yes, or --dry-run to look first"}
        )
    typer.confirm(f"Delete {named}?", abort=True, err=True)


def diff(context: typer.Context, places: list[Path] = _PLACES) -> None:
    """Show what applying the files would change; exits 1 when there is something."""
    from fp_cli.client import connect
    from fp_cli.declared import applying, differences, files

    state: State = context.obj
    objects = applying.wanted(files.read(places))
    with connect(state) as client:
        outcomes = list(applying.apply(client, objects, dry_run=True))
    different = [each for each in outcomes if each.outcome != applying.UNCHANGED]
    if state.structured:
        document(state, [_facts(each) | {"before": each.before, "after": each.after} for each in different])
    else:
        for each in different:
            for line in differences.lines(each):
                say(state, printable(line))
    _fail(outcomes)
    if different:
        raise typer.Exit(_DIFFERENT)


def export(
    context: typer.Context,
    kinds: list[str] = typer.Option([], "--kind", help="Such as Pipeline; several times. Default: every kind."),
    out: Path | None = typer.Option(None, "--out", help="Folder to write; default: all in one to standard output."),
) -> None:
    """Write what is there as files that `fp apply` takes; without --kind, what you may not read is left out."""
    from fp_cli import yaml_documents
    from fp_cli.client import connect
    from fp_cli.declared import files
    from fp_cli.declared.document import written
    from fp_cli.declared.kinds import KINDS, kind
    from fp_cli.declared.kinds.rules import MASKED

    state: State = context.obj
    chosen = [kind(name, "--kind").name for name in kinds]
    found: list[dict[str, Any]] = []
    with connect(state) as client:
        for each in KINDS.values():
            if not chosen or each.name in chosen:
                readable = _readable(state, each.name, each.all(client), needed=bool(chosen))
                found += [written(each.name, name, spec) for name, spec in readable]
    for one in found:
        if str(one["spec"].get("target", "")).endswith(MASKED):
            say(state, f"the target of {one['kind']} {one['metadata']['name']} is masked: write it in", aside=True)
    if out is None:
        if state.structured:
            document(state, found)
        else:
            for one in found:
                say(state, f"---\n{yaml_documents.text_of(one).rstrip()}")
        return
    for one in found:
        file = out / files.place_of(one["kind"], one["metadata"]["name"])
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml_documents.text_of(one))
    done(state, f"{len(found)} objects are in {out}", objects=len(found), folder=str(out))


def _readable(state: State, name: str, found: Iterator[Any], *, needed: bool) -> list[Any]:
    from fp_kernel import PermissionDenied

    try:
        return list(found)
    except PermissionDenied:
        if needed:
            raise
        say(state, f"left out, because you may not read it: {name}", aside=True)
        return []


def _facts(outcome: "Outcome") -> dict[str, Any]:
    return {
        "kind": outcome.kind,
        "name": outcome.name,
        "outcome": outcome.outcome,
        "error": outcome.error.message if outcome.error else "",
    }


def _summary(state: State, outcomes: Sequence["Outcome"], *, dry_run: bool) -> None:
    counts = dict.fromkeys(("created", "changed", "unchanged", "pruned", "failed"), 0)
    for each in outcomes:
        counts[each.outcome] += 1
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing is declared"
    say(state, f"{said} (nothing is written: --dry-run)" if dry_run else said, aside=True)


def _fail(outcomes: Sequence["Outcome"]) -> None:
    """End with the exit code of the first failure; each failure on stderr with its next step."""
    from fp_cli.failures import report

    codes = []
    for each in outcomes:
        if each.error is not None:
            each.error.message = f"{each.kind} {each.name}: {each.error.message}"
            codes.append(report(each.error))
    if codes:
        raise typer.Exit(codes[0])
