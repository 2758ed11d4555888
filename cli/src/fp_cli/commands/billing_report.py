"""The common part of billing's reports: options for the period, and a table with its sum."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from fp_cli.output import State, document, rows, say

MONTH: Any = typer.Option("", help="Such as 2026-11; default: the present one.")
START: Any = typer.Option("", "--from", help="First day, such as 2026-11-01.")
END: Any = typer.Option("", "--to", help="First day after the last one.")
TEAM: Any = typer.Option("", help="Another team, for operators.")


def report(
    state: State, answer: Any, columns: Sequence[str], items: Sequence[Mapping[str, Any]], *, total: str
) -> None:
    """Print the answer whole for programs, and the items with the total below them for people."""
    if state.structured:
        document(state, answer)
        return
    rows(state, columns, items)
    say(state, f"\n{total}")
