"""How long to wait before a process that died is started again."""

from dataclasses import dataclass

from fp_kernel import Backoff


@dataclass(frozen=True, slots=True)
class BackoffPolicy:
    """Seconds. The first restart is nearly at once; a process that ran for `healthy` starts the series anew."""

    first: float = 0.1
    factor: float = 2.0
    longest: float = 10.0
    healthy: float = 10.0

    def delay(self, failures: int) -> float:
        """failures: how many quick deaths in a row, the last included; at least 1."""
        # One supervisor restarts all: chance has nothing to spread.
        return Backoff(self.first, self.longest, self.factor, spread=0.0).delay(failures, 1.0)

    def failures(self, before: int, uptime: float) -> int:
        """The number of quick deaths in a row after one more, at the age of `uptime`."""
        return 1 if uptime >= self.healthy else before + 1
