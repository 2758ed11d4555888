"""A token bucket: policy, state, and time passed in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """rate: tokens a second. burst: tokens that an idle caller has saved at most."""

    rate: float
    burst: int


@dataclass(frozen=True, slots=True)
class Grant:
    """tokens: given; 0 when there were not enough. retry_after: seconds until there are, when none were given.
    left: tokens that stay in the bucket.
    """

    tokens: int
    retry_after: float = 0.0
    left: float = 0.0


class Bucket:
    """Starts full. Times are monotonic seconds."""

    def __init__(self, limit: Limit, now: float) -> None:
        self._limit = limit
        self._tokens = float(limit.burst)
        self._at = now

    def take(self, least: int, most: int, now: float) -> Grant:
        """As many whole tokens as there are between `least` and `most`, or none.

        More than the burst is given by a full bucket alone, which owes them: others wait until it has earned them.
        """
        self._tokens = min(self._limit.burst, self._tokens + max(0.0, now - self._at) * self._limit.rate)
        self._at = max(self._at, now)
        enough = min(least, self._limit.burst)
        if self._tokens < enough:
            return Grant(0, (enough - self._tokens) / self._limit.rate, self._tokens)
        granted = max(least, min(most, int(self._tokens)))
        self._tokens -= granted
        return Grant(granted, left=self._tokens)
