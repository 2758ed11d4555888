"""`name=value` as people type it."""

import math
from collections.abc import Iterator, Sequence

from fp_kernel import invalid


def texts(values: Sequence[str], option: str) -> dict[str, str]:
    """Raises InvalidArgument naming the option."""
    return dict(_split(values, option))


def numbers(values: Sequence[str], option: str, *, finite: bool = True) -> dict[str, float]:
    """finite: `nan` and `inf` are refused. Raises InvalidArgument naming the option."""
    found = {}
    for value, (name, text) in zip(values, _split(values, option), strict=True):
        try:
            number = float(text)
        except ValueError:
            raise invalid(option, f"{value!r} is not name=number") from None
        if finite and not math.isfinite(number):
            raise invalid(option, f"{value!r} is not a finite number")
        found[name] = number
    return found


def _split(values: Sequence[str], option: str) -> Iterator[tuple[str, str]]:
    for value in values:
        name, separator, text = value.partition("=")
        if not separator or not name:
            raise invalid(option, f"{value!r} is not name=value")
        yield name, text
