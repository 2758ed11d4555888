"""Counts in memory, and a mirror's metrics."""

from collections import Counter
from collections.abc import Mapping

from fp_inference.app.tallies import Key
from fp_inference.domain.agreement import Agreement
from fp_kernel import Unavailable


class MemoryTallies:
    def __init__(self) -> None:
        self.away = False
        self.kept: dict[Key, Counter[str]] = {}

    async def add(self, key: Key, counts: Mapping[str, float]) -> None:
        if self.away:
            raise Unavailable("away")
        self.kept.setdefault(key, Counter()).update(counts)

    async def read(self, key: Key) -> Mapping[str, float]:
        if self.away:
            raise Unavailable("away")
        return dict(self.kept.get(key, {}))


class ShadowMetrics:
    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()

    def came(self, outcome: str) -> None:
        self.outcomes[outcome] += 1

    def compared(self, agreement: Agreement) -> None:
        """What agrees is told by the tallies."""
