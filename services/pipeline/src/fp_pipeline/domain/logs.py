"""Lines that a step's job wrote."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fp_pipeline.domain.json_values import clean

MAX_LINES = 2_000


@dataclass(frozen=True, slots=True)
class LogLine:
    """number: counts from 1 over all attempts of the step."""

    number: int
    text: str
    at: datetime


def numbered(texts: Sequence[str], first: int, at: datetime) -> tuple[LogLine, ...]:
    """Lines with their numbers; long ones are cut."""
    return tuple(LogLine(first + index, clean(text), at) for index, text in enumerate(texts))
