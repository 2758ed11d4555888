"""Lines that a step's job wrote."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

MAX_LINES = 2_000
MAX_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class LogLine:
    """number: counts from 1 over all attempts of the step."""

    number: int
    text: str
    at: datetime


def numbered(texts: Sequence[str], first: int, at: datetime) -> tuple[LogLine, ...]:
    """Lines with their numbers; long ones are cut."""
    return tuple(LogLine(first + index, text[:MAX_CHARACTERS], at) for index, text in enumerate(texts))
