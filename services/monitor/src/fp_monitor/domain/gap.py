"""Predictions that were dropped before they were read, and what a window is worth that they are missing in.

Traffic is read from a stream that drops its oldest messages. A monitor that stands still for longer than the stream
lasts misses all that was dropped, of whatever model.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fp_monitor.domain.metric import DriftKind
from fp_monitor.domain.window import Period

# Of a window's time. The rest is no longer what the window is for: of a week, its weekend.
MOST_MISSING = 0.1
# Where the start of a gap is not known: numbers of a stream that was made anew begin at 1 again.
_UNKNOWN_START = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Gap:
    """first, last: numbers of the dropped messages in their stream. since, until: when these were published; since is
    None where it is not known. noticed_at: when traffic went on behind the gap.
    """

    stream: str
    first: int
    last: int
    since: datetime | None
    until: datetime
    noticed_at: datetime

    @property
    def length(self) -> timedelta | None:
        """None where it is not known."""
        return None if self.since is None else max(self.until - self.since, timedelta())

    @property
    def noticed_after(self) -> datetime:
        """Nobody noticed a part of this gap before."""
        return self.since or self.until - _UNKNOWN_START

    def touches(self, other: "Gap") -> bool:
        """Whether both are one: replicas report the same gap, and again when it has become longer."""
        together = self.first <= other.last + 1 and other.first <= self.last + 1
        return self.stream == other.stream and together

    def joined(self, others: Iterable["Gap"]) -> "Gap":
        gap = self
        for other in others:
            starts = [each for each in (gap.since, other.since) if each is not None]
            gap = replace(
                gap,
                first=min(gap.first, other.first),
                last=max(gap.last, other.last),
                since=min(starts, default=None),
                until=max(gap.until, other.until),
                noticed_at=min(gap.noticed_at, other.noticed_at),
            )
        return gap


def matters(kind: DriftKind) -> bool:
    """Labels name their prediction: one of a missed prediction is answered as unmatched, and its sender knows."""
    return kind is not DriftKind.PERFORMANCE


def span(gaps: Sequence[Gap]) -> Period | None:
    """From the first gap to the end of the last."""
    if not gaps:
        return None
    return Period(min(each.since or each.until for each in gaps), max(each.until for each in gaps))


def is_inconclusive(gaps: Sequence[Gap], duration: timedelta) -> bool:
    """Whether a window of this duration lacks too much for a judgement.

    A window by count alone says nothing of time: its rows are as good as others.
    """
    if not duration:
        return False
    lengths = [each.length for each in gaps]
    known = [each for each in lengths if each is not None]
    return len(known) < len(lengths) or sum(known, timedelta()) > MOST_MISSING * duration
