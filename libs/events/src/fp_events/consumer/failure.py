"""The meaning of a handler's error for its event."""

import random
from enum import Enum

from fp_kernel import Backoff, Error, Kind

from fp_events.consumer.declaration import Consumer

# A peer's INVALID_ARGUMENT or UNIMPLEMENTED says nothing of the event: `fp_rpc` makes it INTERNAL or UNAVAILABLE unless
# the caller passes it on by name. What is left of these two kinds was raised by this service about its input.
_PERMANENT = frozenset({Kind.INVALID_ARGUMENT, Kind.OUT_OF_RANGE})
_PASSING = frozenset({Kind.UNAVAILABLE, Kind.ABORTED, Kind.DEADLINE_EXCEEDED, Kind.RESOURCE_EXHAUSTED, Kind.CANCELLED})
_MAX_TEXT = 512
_LONGEST_PAUSE = 30.0


class Verdict(Enum):
    """PERMANENT: this event will never be handled. PASSING: no event's fault. UNKNOWN: perhaps one event's fault."""

    PERMANENT = "permanent"
    PASSING = "passing"
    UNKNOWN = "unknown"


def verdict(error: Exception) -> Verdict:
    if isinstance(error, Error):
        if error.kind in _PERMANENT:
            return Verdict.PERMANENT
        return Verdict.PASSING if error.kind in _PASSING else Verdict.UNKNOWN
    return Verdict.PASSING if isinstance(error, TimeoutError | ConnectionError) else Verdict.UNKNOWN


def reason(error: Exception) -> str:
    """For programs: the reason of a typed error, INTERNAL for any other."""
    return error.reason if isinstance(error, Error) else Kind.INTERNAL.value


def text(error: Exception) -> str:
    """For operators: one line of plain characters, so that a header can carry it."""
    said = str(error) if isinstance(error, Error) else f"{type(error).__name__}: {error}"
    return " ".join(said.encode("ascii", "backslashreplace").decode().split())[:_MAX_TEXT]


def delay(consumer: Consumer, attempt: int, error: Exception) -> float:
    """Seconds before the next attempt; a fifth of jitter each way, so that a burst does not come back as one."""
    step = consumer.backoff[min(attempt, len(consumer.backoff)) - 1]
    return max(step, _asked(error)) * random.uniform(0.8, 1.2)  # noqa: S311 -- spreads load, guards nothing


def pause(consumer: Consumer, probes: int, error: Exception) -> float:
    """Seconds before the next probe of a dependency that failed; `probes` counts the failures in a row."""
    first = min(consumer.backoff[0], _LONGEST_PAUSE)
    grown = Backoff(first=first, longest=_LONGEST_PAUSE, spread=0.2).delay(probes, random.random())  # noqa: S311
    return min(max(grown, _asked(error)), 2 * _LONGEST_PAUSE)


def _asked(error: Exception) -> float:
    return error.retry_after if isinstance(error, Error) and error.retry_after else 0.0
