"""Which loaded models go when memory gets scarce."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Footprint(Generic[Key]):
    """A loaded model. used_at: when it was last asked, on the monotonic clock. busy: whether it is asked now."""

    key: Key
    size: int
    used_at: float
    busy: bool = False


def superfluous(loaded: Iterable[Footprint[Key]], limit: int) -> list[Key]:
    """What has to go for the others to have at most `limit` bytes: the least recently used first, idle ones before
    busy ones, whose memory comes back only after their last request.
    """
    ordered = sorted(loaded, key=lambda each: (each.busy, each.used_at))
    excess = sum(each.size for each in ordered) - limit
    going: list[Key] = []
    for each in ordered:
        if excess <= 0:
            break
        going.append(each.key)
        excess -= each.size
    return going
