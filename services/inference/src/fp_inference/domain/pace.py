"""How fast a target answers, and from when on a silence is its fault: policy, state, no clock."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

_SMALLEST = 1e-4
_PER_OCTAVE = 4
_BINS = 20 * _PER_OCTAVE
# What is older than a few thousand answers fades, so that a target may become slower or faster.
_MOST = 4_096


@dataclass(frozen=True, slots=True)
class SlowPolicy:
    """A call that got `factor` times the p99 of its target's answers, at least `least` seconds, and was not answered
    counts against the target; a shorter one was its caller's choice.

    answers: that a target must have given before it is judged by them. unknown: seconds where none is known.
    """

    factor: float = 4.0
    least: float = 0.05
    unknown: float = 1.0
    answers: int = 50


class Pace:
    """Times of a target's answers, as counts in bins that are 19 per cent wide."""

    def __init__(self) -> None:
        self._counts = [0] * (_BINS + 1)
        self._total = 0

    def answered(self, seconds: float) -> None:
        self._counts[_bin(seconds)] += 1
        self._total += 1
        if self._total >= _MOST:
            self._counts = [count // 2 for count in self._counts]
            self._total = sum(self._counts)

    def p99(self, answers: int) -> float | None:
        """Seconds, at most 19 per cent too high; None for a target that gave fewer answers than these."""
        if self._total < answers:
            return None
        beyond = self._total * 0.01
        for number in range(_BINS, -1, -1):
            beyond -= self._counts[number]
            if beyond < 0:
                return _SMALLEST * math.exp2(number / _PER_OCTAVE)
        return None


def slow_after(policy: SlowPolicy, own: Pace, others: Iterable[Pace]) -> float:
    """Seconds after which a silence is the target's fault.

    others: of the other targets of the model; the slowest of them stands for one that has hardly answered yet, or a
    canary that hangs from its first call on would be excused by callers with short deadlines for ever.
    """
    p99 = own.p99(policy.answers)
    if p99 is None:
        known = [found for found in (other.p99(policy.answers) for other in others) if found is not None]
        p99 = max(known, default=None)
    return policy.unknown if p99 is None else max(policy.least, policy.factor * p99)


def _bin(seconds: float) -> int:
    if seconds <= _SMALLEST:
        return 0
    return min(_BINS, math.ceil(math.log2(seconds / _SMALLEST) * _PER_OCTAVE))
