"""A token bucket: policy, state, and time passed in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """rate: tokens a second. burst: tokens that an idle caller has saved at most."""

    rate: float
    burst: int


@dataclass(frozen=True, slots=True)
class Grant:
    """tokens: given; 0 when there were not enough. retry_after: seconds until there are, when none were given."""

    tokens: int
    retry_after: float = 0.0


class Bucket:
    """Starts full. Times are monotonic seconds."""

    def __init__(self, limit: Limit, now: float) -> None:
        self._limit = limit
        self._tokens = float(limit.burst)
        self._at = now

    def take(self, least: int, most: int, now: float) -> Grant:
        """As many whole tokens as there are between `least` and `most`, or none."""
        self._tokens = min(self._limit.burst, self._tokens + max(0.0, now - self._at) * self._limit.rate)
        self._at = max(self._at, now)
        if self._tokens < least:
            return Grant(0, (least - self._tokens) / self._limit.rate)
        granted = min(most, int(self._tokens))
        self._tokens -= granted
        return Grant(granted)
