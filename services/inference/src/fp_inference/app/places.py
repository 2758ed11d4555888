"""How many predictions of a name may be under way at once: a share of what all replicas of this service may take."""

import math
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol

from fp_kernel import ResourceExhausted

from fp_inference.domain.failures import IN_FLIGHT

# How long one prediction takes is not known: soon enough for a short one, and no storm of retries.
_RETRY_SECONDS = 0.1


class Fleet(Protocol):
    """The replicas of this service."""

    @property
    def count(self) -> int:
        """Of those that live, this one among them; what was known last where that cannot be asked."""
        ...


class Places:
    """Counted here alone. Each replica gives an equal share, rounded up: a round trip at both ends of each prediction
    would cost more than the prediction, and counts that are shared leak when a replica dies.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._taken: dict[str, int] = {}

    def take(self, wanted: Sequence[tuple[str, int]]) -> "Held":
        """A place of each name, all or none. wanted: names and how many may be taken over all replicas.

        Raises ResourceExhausted with a retry delay.
        """
        for name, most in wanted:
            if self._taken.get(name, 0) >= math.ceil(most / max(1, self._fleet.count)):
                raise ResourceExhausted(
                    f"more than {most} predictions at once",
                    reason=IN_FLIGHT,
                    retry_after=_RETRY_SECONDS,
                    metadata={"quota": "predictions_in_flight", "limit": str(most)},
                )
        for name, _ in wanted:
            self._taken[name] = self._taken.get(name, 0) + 1
        return Held(self, [name for name, _ in wanted])

    def leave(self, names: Sequence[str]) -> None:
        for name in names:
            left = self._taken[name] - 1
            if left:
                self._taken[name] = left
            else:
                del self._taken[name]

    @property
    def taken(self) -> int:
        return sum(self._taken.values())


class Held:
    """Places for as long as the block runs."""

    __slots__ = ("_names", "_places")

    def __init__(self, places: Places, names: Sequence[str]) -> None:
        self._places = places
        self._names = names

    def __enter__(self) -> None:
        """They are taken already."""

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.leave()

    def leave(self) -> None:
        names, self._names = self._names, ()
        self._places.leave(names)
