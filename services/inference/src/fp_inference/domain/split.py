"""Which version answers: rendezvous hashing by weight, deterministic."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Generic, TypeVar

from fp_inference.domain.request_ids import digest

FULL = 10_000
_MASK = (1 << 64) - 1
_BITS = 53
_UNIT = 2.0**-_BITS

Target = TypeVar("Target")


@dataclass(frozen=True, slots=True)
class Lot(Generic[Target]):
    """What a target draws with. weight: above 0. seed: of the target's name."""

    target: Target
    weight: int
    seed: int


def lot(target: Target, name: str, weight: int) -> Lot[Target]:
    """name: that outlives changes of weight, since a subject's draw depends on it."""
    return Lot(target, weight, draw(name))


def draw(*parts: str) -> int:
    """64 bits, the same for the same parts and spread evenly over different ones."""
    return int.from_bytes(digest(*parts)[:8], "big")


def choose(lots: Sequence[Lot[Target]], subject: int) -> Target:
    """The target that comes first for this subject: each takes an exponential time with its weight as rate.

    So each gets its share of the subjects, and a weight that grows moves subjects to its target alone, whoever loses
    them; a target that goes moves those that it had. Raises ValueError when there is none.
    """
    if len(lots) == 1:
        return lots[0].target
    return max(lots, key=lambda each: log(_uniform(subject ^ each.seed)) / each.weight).target


def _uniform(bits: int) -> float:
    """Between 0 and 1, both excluded; the finaliser of SplitMix64, for bits that differ only by their seed's."""
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _MASK
    return (((bits ^ (bits >> 31)) >> (64 - _BITS)) + 0.5) * _UNIT


def scaled(weights: Sequence[int]) -> list[int]:
    """The same proportions with the sum 10000; what division leaves goes to the largest remainders, first come first.

    Raises ValueError when all weights are 0 or one is negative.
    """
    total = sum(weights)
    if total <= 0 or min(weights) < 0:
        raise ValueError(f"weights {list(weights)} cannot be scaled")
    shares = [weight * FULL // total for weight in weights]
    remainders = sorted(range(len(weights)), key=lambda index: (-(weights[index] * FULL % total), index))
    for index in remainders[: FULL - sum(shares)]:
        shares[index] += 1
    return shares
