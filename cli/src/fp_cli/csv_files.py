"""Tables in files: what `fp` reads from CSV and writes to it."""

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from fp_kernel import InvalidArgument, invalid

# A feature may be a text of 8,192 characters or a list of numbers; the library's own bound is less than such a list.
_CELL = 16 * 1024 * 1024


def read(text: str) -> tuple[list[str], Iterator[tuple[str, dict[str, str]]]]:
    """The columns, and the rows, each with where it stands. Raises InvalidArgument, also while rows are taken."""
    lines = reader(io.StringIO(text, newline=""))
    header = [name.strip() for name in _next(lines)]
    if not any(header):
        raise invalid("file", "is empty: its first line must name the columns")
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise invalid("file", f"has two columns {twice!r}" if twice else "has a column without a name")
    return header, _rows(lines, header)


def reader(text: Iterable[str]) -> Any:
    """The library's reader of cells of up to 16 MiB; longer ones are a csv.Error.

    The bound is the process's: set when a module was imported, it was another one for who had not imported it.
    """
    csv.field_size_limit(_CELL)
    return csv.reader(text)


def _rows(lines: Any, header: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    while True:
        cells = _next(lines, end=True)
        if cells is None:
            return
        if not any(cells):
            # Spreadsheets end with rows of commas alone.
            continue
        where = f"line {lines.line_num}"
        if len(cells) != len(header):
            raise InvalidArgument(f"file: {where}: has {len(cells)} cells, the first line has {len(header)} columns")
        yield where, dict(zip(header, cells, strict=True))


def _next(lines: Any, *, end: bool = False) -> Any:
    try:
        return next(lines, None if end else [""])
    except csv.Error as error:
        raise InvalidArgument(f"file: line {lines.line_num}: {error}") from None


@contextmanager
def writing(file: Path) -> Iterator[TextIO]:
    """Text to write; `-` is standard output. A file takes its name when it is whole.

    Raises InvalidArgument when there is no such folder, or it is not ours.
    """
    if str(file) == "-":
        yield sys.stdout
        return
    part = file.with_name(f".{file.name}.part")
    try:
        content = part.open("w", newline="", encoding="utf-8")
    except OSError as error:
        raise invalid("out", f"{file} cannot be written: {error.strerror}") from None
    try:
        with content:
            yield content
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def line(content: TextIO, cells: Iterable[str]) -> None:
    csv.writer(content, lineterminator="\n").writerow(cells)
