"""The breakers of this process, one a target."""

from collections.abc import Collection
from dataclasses import dataclass

from fp_kernel import Clock

from fp_inference.domain.breaker import Breaker, BreakerPolicy
from fp_inference.domain.pace import Pace
from fp_inference.domain.routes import Target

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Guarded:
    target: Target
    breaker: Breaker
    pace: Pace


class Breakers:
    """A version that moves to another endpoint starts with a closed breaker and an unknown pace."""

    def __init__(self, policy: BreakerPolicy, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._guarded: dict[Key, Guarded] = {}

    def of(self, target: Target) -> Breaker:
        return self.guarded(target).breaker

    def guarded(self, target: Target) -> Guarded:
        guarded = self._guarded.get(_key(target))
        if guarded is None:
            guarded = Guarded(target, Breaker(self._policy, self._clock.monotonic()), Pace())
            self._guarded[_key(target)] = guarded
        return guarded

    def find(self, target: Target) -> Guarded | None:
        """None for a target that was not called yet."""
        return self._guarded.get(_key(target))

    def moved(self) -> list[Guarded]:
        """Those that were ever open, or count failures now."""
        return [each for each in self._guarded.values() if each.breaker.moved or each.breaker.failures]

    def lost(self) -> list[Guarded]:
        """Those that are open because their target did not answer at all."""
        return [guarded for guarded in self._guarded.values() if guarded.breaker.awaits_return]

    def retain(self, targets: Collection[Target]) -> None:
        wanted = {_key(target) for target in targets}
        for key in self._guarded.keys() - wanted:
            del self._guarded[key]


def _key(target: Target) -> Key:
    return target.version_id, target.endpoint
