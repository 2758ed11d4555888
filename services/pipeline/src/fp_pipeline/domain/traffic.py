"""Shares of the traffic in basis points; they sum to 10000."""

from collections.abc import Mapping
from dataclasses import dataclass

from fp_pipeline.domain.config import FULL_WEIGHT_BPS

Weights = Mapping[str, int]
"""Basis points by version."""


@dataclass(frozen=True, slots=True)
class Split:
    """How the traffic of a model is divided.

    revision: of its route, 0 where nobody divided it; None where nobody looked.
    """

    weights: Weights
    revision: int | None


def only(version: str, others: Weights) -> Weights:
    """Everything to one version."""
    return {**dict.fromkeys(others, 0), version: FULL_WEIGHT_BPS}


def share(version: str, weight_bps: int, others: Weights) -> Weights:
    """A part, or nothing, to one version; the others keep their proportions, rounded so that nothing is lost.

    Raises ValueError without other versions: then there is nobody to give the rest to.
    """
    if not others:
        raise ValueError("a share needs another version")
    rest = FULL_WEIGHT_BPS - weight_bps
    total = sum(others.values())
    if total == 0:
        # Nobody had traffic: the newest of the others takes it.
        return {**dict.fromkeys(others, 0), max(others): rest, version: weight_bps}
    return {**scaled(others, rest), version: weight_bps}


def scaled(weights: Weights, whole: int = FULL_WEIGHT_BPS) -> Weights:
    """The same proportions with this sum. Raises ZeroDivisionError when nobody has any traffic."""
    total = sum(weights.values())
    exact = {name: whole * weight / total for name, weight in weights.items()}
    shares = {name: int(value) for name, value in exact.items()}
    missing = whole - sum(shares.values())
    for name in sorted(exact, key=lambda each: (shares[each] - exact[each], each))[:missing]:
        shares[name] += 1
    return shares
