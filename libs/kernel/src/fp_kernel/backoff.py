"""How long to wait between tries."""

from dataclasses import dataclass

# Beyond it the longest delay is reached by any policy; a power of more would overflow.
_MOST_DOUBLINGS = 64


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays that grow from `first` to `longest` seconds, each `factor` times the one before.

    spread: the part of a delay that chance decides, from 0 (none) to 1, so that those who lost the same peer at the
    same moment do not come back to it in step.
    """

    first: float = 0.1
    longest: float = 30.0
    factor: float = 2.0
    spread: float = 0.5

    def __post_init__(self) -> None:
        """Raises ValueError for a policy that could wait for less than no time, or shorter from try to try."""
        if not (0.0 <= self.first <= self.longest and self.factor >= 1.0 and 0.0 <= self.spread <= 1.0):
            raise ValueError(f"{self} is no growing delay")

    def delay(self, attempt: int, roll: float) -> float:
        """Seconds to wait after the failure number `attempt` in a row; the first is 1.

        roll: a random number from 0 (the shortest delay) to 1 (the longest), as of `random.random`.
        """
        grown = self.first * self.factor ** min(max(attempt, 1) - 1, _MOST_DOUBLINGS)
        return min(self.longest, grown) * (1.0 - self.spread * (1.0 - roll))
