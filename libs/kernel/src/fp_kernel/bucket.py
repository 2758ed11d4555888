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

    __slots__ = ("_at", "_limit", "_tokens")

    def __init__(self, limit: Limit, now: float) -> None:
        self._limit = limit
        self._tokens = float(limit.burst)
        self._at = now

    def take(self, least: int, most: int, now: float) -> Grant:
        """As many whole tokens as there are between `least` and `most`, or none.

        More than the burst is given by a full bucket alone, which owes them: others wait until it has earned them.
        """
        if wait := self._wait(least, now):
            return Grant(0, wait, self._tokens)
        granted = max(least, min(most, int(self._tokens)))
        self._tokens -= granted
        return Grant(granted, left=self._tokens)

    def pay(self, cost: float, now: float) -> float:
        """Take `cost` tokens, by the rule of `take`: 0 when they were taken, else the seconds until they are there."""
        self._earn(now)
        if self._tokens >= cost:
            self._tokens -= cost
            return 0.0
        wait = self._wait(cost, now)
        if not wait:
            self._tokens -= cost
        return wait

    def add(self, tokens: float, now: float) -> None:
        """Tokens that come back; below 0 they are owed."""
        self._earn(now)
        self._tokens = min(self._limit.burst, self._tokens + tokens)

    def _wait(self, cost: float, now: float) -> float:
        self._earn(now)
        enough = min(cost, self._limit.burst)
        return 0.0 if self._tokens >= enough else (enough - self._tokens) / self._limit.rate

    def _earn(self, now: float) -> None:
        # Without `min` and `max`, which cost more than the rest: a call of every caller in a crowd comes by here.
        if now > self._at:
            limit = self._limit
            earned = self._tokens + (now - self._at) * limit.rate
            self._tokens = earned if earned < limit.burst else float(limit.burst)
            self._at = now
