"""What requests a version answered and how fast, as counters that add up in any order."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

BINS_PER_OCTAVE = 8
"""A bin is 9 percent wide: a percentile read from it is at most that much too high."""

_SMALLEST_MS = 0.1
_BINS = 20 * BINS_PER_OCTAVE
ANSWERED = "ANSWERED"
# What the caller or its quota brought about says nothing about the version.
NOT_THE_VERSIONS_FAULT = frozenset({"NO_ROUTE", "RATE_LIMITED", "INVALID_INPUT", "QUOTA_EXCEEDED"})


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
class Request:
    """One request that reached a version. outcome: ANSWERED, or why it failed; latency_ms: of an answered one."""

    event_id: str
    team: str
    model_name: str
    version: str
    at: datetime
    outcome: str
    latency_ms: float = 0.0


Key = tuple[str, int]
"""Outcome, and the bin of the latency of an answered request (0 for a failed one)."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests by outcome and bin."""

    by_key: Mapping[Key, int] = field(default_factory=dict)

    @property
    def answered(self) -> int:
        return sum(count for (outcome, _), count in self.by_key.items() if outcome == ANSWERED)

    @property
    def errors(self) -> int:
        """Failures that the version has to answer for."""
        return sum(
            count
            for (outcome, _), count in self.by_key.items()
            if outcome != ANSWERED and outcome not in NOT_THE_VERSIONS_FAULT
        )

    @property
    def samples(self) -> int:
        return self.answered + self.errors

    @property
    def error_rate(self) -> float:
        return self.errors / self.samples if self.samples else 0.0

    def percentile_ms(self, share: float) -> float:
        """Upper end of the bin that holds this share of the answered requests; 0 without any."""
        rank = math.ceil(share * self.answered)
        bins: dict[int, int] = {}
        for (outcome, number), count in self.by_key.items():
            if outcome == ANSWERED:
                bins[number] = bins.get(number, 0) + count
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


def total(parts: Iterable[Counts]) -> Counts:
    whole = Counts()
    for part in parts:
        whole = whole.plus(part)
    return whole


Bucket = tuple[str, str, str, datetime, str, int]
"""Team, model, version, minute, outcome, bin."""


def bucketed(requests: Iterable[Request]) -> dict[Bucket, int]:
    """One number for all requests that differ in nothing that is kept."""
    counted: dict[Bucket, int] = {}
    for each in requests:
        number = bin_of(each.latency_ms) if each.outcome == ANSWERED else 0
        bucket = (each.team, each.model_name, each.version, minute(each.at), each.outcome, number)
        counted[bucket] = counted.get(bucket, 0) + 1
    return counted


def minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
