"""Windows: when they close, and what closes with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fp_monitor.domain.counts import Counts
from fp_monitor.domain.metric import DriftKind

MOST_JUDGED = 20_000
"""Labelled rows of one window: what a judgement holds in memory."""

LABELS_WAIT = timedelta(days=60)
"""How long a prediction waits for its label where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Period:
    """Of what a window holds: the time of the predictions, or that of the outcomes."""

    start: datetime
    end: datetime

    def with_(self, times: Sequence[datetime]) -> "Period":
        return Period(min(self.start, *times), max(self.end, *times)) if times else self


@dataclass(frozen=True, slots=True)
class Window:
    """One open window. counts: None for PERFORMANCE, whose samples are rows. closes_at: None without a clock.

    version: of the model that made the predictions.
    """

    id: str
    monitor_id: str
    kind: DriftKind
    opened_at: datetime
    closes_at: datetime | None
    samples: int
    period: Period
    counts: Counts | None = None
    version: str = ""


def stride(labels: int) -> int:
    """Of so many labels of a window one is stored, from the first on: a power of two, so that stored rows stay
    in their places while the window grows.
    """
    step = 1
    while labels > step * MOST_JUDGED:
        step *= 2
    return step


def room(samples: int, size: int) -> int | None:
    """How many more events fit; None for as many as come."""
    return max(size - samples, 0) if size else None


def is_full(samples: int, size: int) -> bool:
    return bool(size) and samples >= size


def closing(opened_at: datetime, duration: timedelta) -> datetime | None:
    return opened_at + duration if duration else None
