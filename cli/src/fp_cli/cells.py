"""Values as people read them in one line of a terminal."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_MINUTE, _HOUR, _DAY, _LONGEST = 60, 3_600, 86_400, 30 * 86_400
_WIDE: Final = "WF"


def cell(value: Any, *, now: datetime | None = None) -> str:
    """now: times are shown relative to it; without it as local date and time."""
    match value:
        case None | "":
            text = "-"
        case bool():
            text = "yes" if value else "no"
        case float():
            text = f"{value:.6g}"
        case Mapping():
            text = " ".join(f"{printable(str(key))}={cell(item)}" for key, item in value.items()) or "-"
        case list() | tuple():
            text = ", ".join(cell(item) for item in value) or "-"
        case _:
            text = _text(str(value), now)
    return text


def _text(text: str, now: datetime | None) -> str:
    if not _TIME.fullmatch(text):
        return printable(text)
    moment = datetime.fromisoformat(text)
    return local(moment) if now is None else relative(moment, now)


def local(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def relative(moment: datetime, now: datetime) -> str:
    """`5 min ago`, `in 3 h`; the date when that is further away than a month."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) > _LONGEST:
        return moment.astimezone().strftime("%Y-%m-%d")
    amount = duration(abs(seconds))
    return f"{amount} ago" if seconds >= 0 else f"in {amount}"


def duration(seconds: float) -> str:
    """In the largest unit of which there are two or more."""
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def utc_now() -> datetime:
    return datetime.now(UTC)


def printable(text: str) -> str:
    """One line without what moves a terminal's cursor: names and reasons come from other people."""
    return "".join(letter if letter.isprintable() else _shown(letter) for letter in text)


def _shown(letter: str) -> str:
    return " " if letter.isspace() else letter.encode("unicode_escape").decode()


def width(text: str) -> int:
    """Columns of a terminal that the text fills."""
    return sum(_columns(letter) for letter in text)


def _columns(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in _WIDE else 1


def shortened(text: str, limit: int) -> str:
    """At most `limit` columns wide."""
    if width(text) <= limit:
        return text
    while text and width(text) > limit - 1:
        text = text[:-1]
    return f"{text}…"
