"""What the error of a handler means for its event."""

import random
from enum import Enum

from fp_kernel import Error, Kind

from fp_events.consumers import Consumer

_PERMANENT = frozenset({Kind.INVALID_ARGUMENT, Kind.OUT_OF_RANGE, Kind.UNIMPLEMENTED})
_PASSING = frozenset({Kind.UNAVAILABLE, Kind.ABORTED, Kind.DEADLINE_EXCEEDED, Kind.RESOURCE_EXHAUSTED, Kind.CANCELLED})
_MAX_TEXT = 512


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
    asked = error.retry_after if isinstance(error, Error) and error.retry_after else 0.0
    return max(step, asked) * random.uniform(0.8, 1.2)  # noqa: S311 -- spreads load, guards nothing
