"""Which version answers: integer basis points, deterministic."""

from collections.abc import Sequence
from typing import TypeVar

from fp_inference.domain.request_ids import digest

FULL = 10_000

Target = TypeVar("Target")


def point(*parts: str) -> int:
    """A number in 0..9999, the same for the same parts and spread evenly over different ones."""
    return int.from_bytes(digest(*parts)[:8], "big") % FULL


def choose(weighted: Sequence[tuple[Target, int]], at: int) -> Target:
    """The target whose share covers this point.

    weighted: targets with their basis points, in an order that outlives changes of weight, so that a change moves only
    the points it has to. Raises ValueError when the shares do not sum to 10000.
    """
    if sum(weight for _, weight in weighted) != FULL:
        raise ValueError(f"weights {[weight for _, weight in weighted]} do not sum to {FULL}")
    end = 0
    for target, weight in weighted:
        end += weight
        if at < end:
            return target
    raise ValueError(f"point {at} is not in 0..{FULL - 1}")


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
