"""The output of commands: a table for people, JSON, YAML or chosen values for programs."""

import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fp_cli import cells, formats, table


@dataclass(slots=True)
class State:
    """The options before the command. address, context, ca_file: empty when not given. timeout: seconds that a call may
    take. insecure: whether clear text may go to another machine.
    """

    address: str = ""
    output: formats.Format = formats.TABLE
    timeout: float = 30.0
    context: str = ""
    ca_file: str = ""
    insecure: bool = False

    @property
    def structured(self) -> bool:
        """Whether programs read what is printed."""
        return self.output.structured


def rows(state: State, columns: Sequence[str], items: Iterable[Mapping[str, Any]]) -> None:
    """Print a list.

    Columns are keys of the items, the most important first: a narrow terminal shows only those that fit. Programs
    get the items whole.
    """
    if state.structured:
        document(state, list(items))
        return
    now = cells.utc_now()
    found = [[cells.cell(item.get(column), now=now) for column in columns] for item in items]
    for line in table.lines(columns, found, _room()):
        sys.stdout.write(line + "\n")


def drawing(lines: Iterable[str]) -> None:
    """Print lines that must not wrap."""
    room = _room()
    for line in lines:
        sys.stdout.write((line if room is None else cells.shortened(line, room)) + "\n")


def _room() -> int | None:
    """Columns of the terminal. A pipe has no width: a program that reads it needs whole lines."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def record(state: State, item: Mapping[str, Any], fields: Sequence[str] = ()) -> None:
    """Print one thing; `fields` chooses and orders what people see."""
    if state.structured:
        document(state, item)
        return
    names = [name for name in (fields or item) if name in item]
    shown = {name: cells.printable(name.replace("_", " ")) for name in names}
    width = max((len(name) for name in shown.values()), default=0)
    for name in names:
        sys.stdout.write(f"{shown[name]:<{width}}  {cells.cell(item[name])}\n")


def document(state: State, value: Any) -> None:
    """Print a result whole, for programs."""
    sys.stdout.write(state.output.whole(value))


def streamed(state: State, value: Any) -> None:
    """Print one of many, for programs; a reader need not wait for the last."""
    sys.stdout.write(state.output.single(value))
    sys.stdout.flush()


def say(state: State, text: str, *, aside: bool = False) -> None:
    """A sentence for people; where programs read stdout it goes to stderr.

    aside: on stderr in any case, because it is not the result.
    """
    stream = sys.stderr if state.structured or aside else sys.stdout
    stream.write(text + "\n")
    stream.flush()


def done(state: State, text: str, **facts: Any) -> None:
    """A sentence for people about something that has no answer of its own; its facts for programs."""
    if state.structured:
        document(state, facts)
    else:
        say(state, text)
