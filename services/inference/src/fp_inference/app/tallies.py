"""What came of the rules and of the shadow of each route: counted here, summed over all replicas."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Protocol

from fp_kernel import Unavailable
from fp_telemetry import get_logger

# Of so many routes at once what is not stored yet is kept; of each so many counts.
_MOST_ROUTES = 1_000
_MOST_COUNTS = 1_000

_log = get_logger(__name__)

Key = tuple[str, str, int]
"""Team, model, and the revision of what is counted."""


class TallyStore(Protocol):
    async def add(self, key: Key, counts: Mapping[str, float]) -> None:
        """Raises Unavailable."""
        ...

    async def read(self, key: Key) -> Mapping[str, float]:
        """Raises Unavailable."""
        ...


class Tallies:
    """Counting is a sum in memory, written every few seconds: nothing waits for it, and it fails nothing."""

    def __init__(self, store: TallyStore) -> None:
        self._store = store
        self._counts: OrderedDict[Key, dict[str, float]] = OrderedDict()

    def count(self, key: Key, counts: Mapping[str, float]) -> None:
        kept = self._counts.get(key)
        if kept is None:
            kept = self._counts[key] = {}
            if len(self._counts) > _MOST_ROUTES:
                self._counts.popitem(last=False)
        for name, number in counts.items():
            if number and (name in kept or len(kept) < _MOST_COUNTS):
                kept[name] = kept.get(name, 0.0) + number

    async def flush(self) -> None:
        """Store what was counted; what a store that is away does not take waits for the next time."""
        for _ in range(len(self._counts)):
            if not self._counts:
                # Whoever reads a report flushes beside the clock.
                return
            key, counts = self._counts.popitem(last=False)
            try:
                await self._store.add(key, counts)
            except Unavailable as error:
                self.count(key, counts)
                _log.warning("counts of a route wait", model=key[1], reason=error.message)
                return

    async def read(self, key: Key) -> Mapping[str, float]:
        """Of all replicas; of the others as of their last flush. Raises Unavailable."""
        await self.flush()
        return await self._store.read(key)
