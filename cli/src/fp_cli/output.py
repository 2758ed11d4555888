"""The output of commands: a table for people, JSON for programs."""

import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fp_cli import cells, table


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"


@dataclass(slots=True)
class State:
    """The options before the command. address: empty when not given. timeout: seconds a call may take."""

    address: str = ""
    output: Format = Format.TABLE
    timeout: float = 30.0

    @property
    def json(self) -> bool:
        return self.output is Format.JSON


def rows(state: State, columns: Sequence[str], items: Iterable[Mapping[str, Any]]) -> None:
    """Print a list.

    Columns are keys of the items, the most important first: a narrow terminal shows only those that fit. JSON prints
    the items whole.
    """
    if state.json:
        document(list(items))
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
    if state.json:
        document(item)
        return
    names = [name for name in (fields or item) if name in item]
    shown = {name: cells.printable(name.replace("_", " ")) for name in names}
    width = max((len(name) for name in shown.values()), default=0)
    for name in names:
        sys.stdout.write(f"{shown[name]:<{width}}  {cells.cell(item[name])}\n")


def document(value: Any) -> None:
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def json_line(value: Any) -> None:
    """One of many; a reader need not wait for the last."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def say(state: State, text: str, *, aside: bool = False) -> None:
    """A sentence for people; programs that asked for JSON get it on stderr.

    aside: on stderr in any case, because it is not the result.
    """
    stream = sys.stderr if state.json or aside else sys.stdout
    stream.write(text + "\n")
    stream.flush()


def done(state: State, text: str, **facts: Any) -> None:
    """A sentence for people about something that has no answer of its own; its facts for programs."""
    if state.json:
        document(facts)
    else:
        say(state, text)
