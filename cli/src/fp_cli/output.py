"""What commands print: a table for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_PIPE_WIDTH = 500


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
    """Print a list. Columns are keys of the items; JSON prints the items whole."""
    if state.json:
        document(list(items))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column.upper().replace("_", " "), overflow="ellipsis", no_wrap=True)
    for item in items:
        table.add_row(*(cell(item.get(column)) for column in columns))
    # A pipe has no width: whoever reads it wants whole lines.
    Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH).print(table)


def record(state: State, item: Mapping[str, Any], fields: Sequence[str] = ()) -> None:
    """Print one thing; `fields` chooses and orders what people see."""
    if state.json:
        document(item)
        return
    names = [name for name in (fields or item) if name in item]
    width = max((len(name) for name in names), default=0)
    for name in names:
        sys.stdout.write(f"{name.replace('_', ' '):<{width}}  {cell(item[name])}\n")


def document(value: Any) -> None:
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def say(state: State, text: str) -> None:
    """A sentence for people; programs that asked for JSON get it on stderr."""
    stream = sys.stderr if state.json else sys.stdout
    stream.write(text + "\n")


def cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return " ".join(f"{key}={cell(item)}" for key, item in value.items()) or "-"
    if isinstance(value, list | tuple):
        return ", ".join(cell(item) for item in value) or "-"
    return str(value)


def plain(message: Any, *, enum_prefix: str = "") -> dict[str, Any]:
    """A message as a dictionary with the proto's field names; enum values lose their prefix."""
    from google.protobuf import json_format

    found: dict[str, Any] = json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    if enum_prefix:
        return {key: _short(value, enum_prefix) for key, value in found.items()}
    return found


def _short(value: Any, prefix: str) -> Any:
    """`MODEL_STAGE_PRODUCTION` reads better as `PRODUCTION`; several prefixes are separated by a blank."""
    if isinstance(value, str):
        for start in prefix.split():
            value = value.removeprefix(start)
    return value
