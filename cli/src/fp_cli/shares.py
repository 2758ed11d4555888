"""Shares of the traffic: percent as people write them, basis points as the API has them."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from fp_kernel import invalid

from fp_cli import pairs

_FULL: Final = 10_000


def weights(given: Sequence[str]) -> dict[str, int]:
    """Basis points by version, of `VERSION=PERCENT`. Raises InvalidArgument when they are not 100 together."""
    found: dict[str, int] = {}
    for value in given:
        ((version, text),) = pairs.texts([value], "split").items()
        if version in found:
            raise invalid("split", f"version {version} is there twice")
        found[version] = _points(value, text.removesuffix("%"))
    if sum(found.values()) != _FULL:
        raise invalid("split", f"the shares are {percent(sum(found.values()))} together, not 100%")
    return found


def _points(value: str, text: str) -> int:
    try:
        points = Decimal(text) * 100
    except InvalidOperation:
        raise invalid("split", f"{value!r} is not version=percent") from None
    if not points.is_finite() or points != points.to_integral_value() or not 0 <= points <= _FULL:
        raise invalid("split", f"{value!r} must be 0 to 100 percent, with two digits at most behind the point")
    return int(points)


def points(text: str) -> int:
    """Basis points of a percentage. Raises InvalidArgument."""
    return _points(text, text.removesuffix("%"))


def percent(points: int) -> str:
    return f"{Decimal(points) / 100:f}%"
