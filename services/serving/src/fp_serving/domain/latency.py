"""Quantiles of the newest runs."""

from collections import deque

WINDOW = 1_024


class Latencies:
    """Seconds of the last 1,024 runs."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=WINDOW)

    def add(self, seconds: float) -> None:
        self._seconds.append(seconds)

    @property
    def last(self) -> float:
        return self._seconds[-1] if self._seconds else 0.0

    def quantile(self, share: float) -> float:
        """The smallest latency that `share` (0 to 1) of the runs did not exceed; 0 before the first run."""
        if not self._seconds:
            return 0.0
        ordered = sorted(self._seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
