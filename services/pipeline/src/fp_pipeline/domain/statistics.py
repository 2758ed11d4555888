"""Outcomes and latencies of a version, as counters that add up in any order."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

P99 = 0.99
BINS_PER_OCTAVE = 8
"""A bin is 9 percent wide: a percentile read from it is at most that much too high."""

_SMALLEST_MS = 0.1
_BINS = 20 * BINS_PER_OCTAVE
ANSWERED = "ANSWERED"
NO_ROWS = "NO_ROWS"
"""Answered, with outputs that have no row."""
REFUSED = "REFUSED"
"""The version itself refused, for one of the reasons for which the platform refuses before it asks anyone."""
# Nobody was asked: what the caller, its quota or a full platform brought about says nothing about a version.
NOBODY_ASKED = frozenset(
    {"NO_ROUTE", "RATE_LIMITED", "INVALID_INPUT", "QUOTA_EXCEEDED", "BULKHEAD_FULL", "CIRCUIT_OPEN"}
)
_ANSWERS = frozenset({ANSWERED, NO_ROWS})


def bin_of(latency_ms: float) -> int:
    """The bins are fixed, so that counts of different minutes, versions and replicas can be added and compared."""
    if not latency_ms > _SMALLEST_MS:
        return 0
    if latency_ms >= upper_ms(_BINS):
        return _BINS
    return min(math.ceil(math.log2(latency_ms / _SMALLEST_MS) * BINS_PER_OCTAVE), _BINS)


def upper_ms(number: int) -> float:
    """Upper end of a bin in milliseconds."""
    return _SMALLEST_MS * math.exp2(number / BINS_PER_OCTAVE)


@dataclass(frozen=True, slots=True)
class Try:
    """One version was asked once; a prediction that was tried again has several.

    event_id, part: the event that has it, and its place there. outcome: ANSWERED, NO_ROWS, or why the version failed.
    latency_ms: of an answer.
    """

    event_id: str
    team: str
    model_name: str
    version: str
    at: datetime
    outcome: str
    latency_ms: float = 0.0
    part: int = 0


@dataclass(frozen=True, slots=True)
class Gap:
    """Events that the bus dropped before they were counted.

    since, until: it got them between the two; since is None when nobody knows.
    """

    since: datetime | None
    until: datetime
    events: int

    def __str__(self) -> str:
        began = f"from {_moment(self.since)} " if self.since else ""
        return f"{self.events} events were lost before they were counted, {began}to {_moment(self.until)}"


Key = tuple[str, int]
"""Outcome, and the bin of the latency of an answer (0 for a failure)."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Tries by outcome and bin."""

    by_key: Mapping[Key, int] = field(default_factory=dict)

    @property
    def answered(self) -> int:
        return sum(count for (outcome, _), count in self.by_key.items() if outcome in _ANSWERS)

    @property
    def without_rows(self) -> int:
        """Answers without a row."""
        return sum(count for (outcome, _), count in self.by_key.items() if outcome == NO_ROWS)

    @property
    def errors(self) -> int:
        """Failures that the version has to answer for."""
        return sum(count for (outcome, _), count in self.by_key.items() if outcome not in _ANSWERS | NOBODY_ASKED)

    @property
    def samples(self) -> int:
        return self.answered + self.errors

    @property
    def error_rate(self) -> float:
        return self.errors / self.samples if self.samples else 0.0

    def percentile_ms(self, share: float) -> float:
        """Upper end of the bin that holds this share of the answers; 0 without any."""
        bins: dict[int, int] = {}
        for (outcome, number), count in self.by_key.items():
            if outcome in _ANSWERS:
                bins[number] = bins.get(number, 0) + count
        rank = math.ceil(share * sum(bins.values()))
        seen = 0
        for number in sorted(bins):
            seen += bins[number]
            if seen >= rank:
                return upper_ms(number)
        return 0.0

    def plus(self, other: "Counts") -> "Counts":
        return Counts(
            {key: self.by_key.get(key, 0) + other.by_key.get(key, 0) for key in {*self.by_key, *other.by_key}}
        )

    def minus(self, other: "Counts") -> "Counts":
        """What came on top of `other`, which was read earlier."""
        rest = {key: count - other.by_key.get(key, 0) for key, count in self.by_key.items()}
        return Counts({key: count for key, count in rest.items() if count > 0})


def outcome_of(reason: str) -> str | None:
    """The outcome of a version that an event names without a list of tries; None when nobody was asked.

    The name is then that of the version that would have been asked first.
    """
    return None if reason in NOBODY_ASKED else reason


def asked(reason: str) -> str:
    """The outcome of a version that was asked and failed."""
    return REFUSED if reason in NOBODY_ASKED else reason


def total(parts: Iterable[Counts]) -> Counts:
    whole = Counts()
    for part in parts:
        whole = whole.plus(part)
    return whole


Bucket = tuple[str, str, str, datetime, str, int]
"""Team, model, version, minute, outcome, bin."""


def bucketed(tries: Iterable[Try]) -> dict[Bucket, int]:
    """One number for all tries that differ in nothing that is kept."""
    counted: dict[Bucket, int] = {}
    for each in tries:
        number = bin_of(each.latency_ms) if each.outcome in _ANSWERS else 0
        bucket = (each.team, each.model_name, each.version, minute(each.at), each.outcome, number)
        counted[bucket] = counted.get(bucket, 0) + 1
    return counted


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
