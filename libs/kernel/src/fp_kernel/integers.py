"""Whole numbers of 64 bits as texts, the form of int64 and uint64 in the JSON of protobuf."""

import re
from typing import Final

EXACT_IN_DOUBLE: Final = 2**53 - 1
"""The largest whole number for which a double stands for no other: 2^53 + 1 becomes 2^53 on its way as a double."""

_LEAST: Final = -(2**63)
_GREATEST: Final = 2**63 - 1
_GREATEST_UNSIGNED: Final = 2**64 - 1
_WHOLE: Final = re.compile(r"0|-?[1-9][0-9]{0,19}")


def int64_of(text: str) -> int:
    """Raises ValueError for anything but the one way to write a number of 64 bits: no sign of plus, no space, no zeros
    in front, no point.
    """
    return _within(text, _LEAST, _GREATEST)


def uint64_of(text: str) -> int:
    """As `int64_of`, from 0 on."""
    return _within(text, 0, _GREATEST_UNSIGNED)


def _within(text: str, least: int, greatest: int) -> int:
    number = int(text) if _WHOLE.fullmatch(text) else greatest + 1
    if not least <= number <= greatest:
        raise ValueError("is no whole number of 64 bits")
    return number
