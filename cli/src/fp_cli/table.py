"""A list as a table that fits its terminal."""

from collections.abc import Sequence
from typing import Final

from fp_cli import cells

_GAP: Final = "  "
# The last column takes what is left, but not less than this: then the column before it goes.
_LEAST: Final = 8
_ID: Final = 36


def lines(columns: Sequence[str], rows: Sequence[Sequence[str]], room: int | None) -> list[str]:
    """Header and rows. Columns come in the order of their importance: those that do not fit are left out.

    room: columns of the terminal; None for a pipe, whose reader wants whole lines.
    """
    titles = [column.upper().replace("_", " ") for column in columns]
    table = [titles, *rows]
    widths = [max(cells.width(row[index]) for row in table) for index in range(len(titles))]
    if room is not None:
        widths = _fitting(widths, [_least(column) for column in columns], room)
    return [_line(row, widths) for row in table]


def _least(column: str) -> int:
    """What a column needs: a piece of an id is of no use."""
    return _ID if column == "id" else max(_LEAST, len(column))


def _fitting(widths: Sequence[int], leasts: Sequence[int], room: int) -> list[int]:
    shown: list[int] = []
    left = room
    for width, least in zip(widths, leasts, strict=True):
        left -= len(_GAP) if shown else 0
        if width > left and shown and left < least:
            break
        shown.append(min(width, max(left, 1)))
        left -= shown[-1]
    return shown


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    parts = []
    for text, width in zip(row, widths, strict=False):
        short = cells.shortened(text, width)
        parts.append(short + " " * (width - cells.width(short)))
    return _GAP.join(parts).rstrip()
