"""Which values a feature takes, and how each is kept."""

import json
import math
import struct
from collections.abc import Callable, Mapping

from fp_kernel.integers import EXACT_IN_DOUBLE, int64_of

from fp_featurestore.domain.features import Feature, ValueType
from fp_featurestore.domain.instants import FIRST, LAST, parse, show

MAX_TEXT = 8_192
MAX_LIST = 4_096
MAX_STRUCT_BYTES = 65_536

Check = Callable[[object], object]


def _double(value: object) -> float:
    if type(value) is not float or not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


def _integer(value: object) -> int:
    """Numbers of JSON and of the contract are doubles, which hold whole numbers up to 2^53 - 1 exactly.

    2^53 itself is refused as a number, because 2^53 + 1 has become it on its way here. Larger ones come as texts.
    """
    if type(value) is str:
        return int64_of(value)
    if type(value) is not float or not value.is_integer() or not exact(int(value)):
        raise ValueError("must be a whole number; as a text beyond 2^53 - 1, where a double does not hold it exactly")
    return int(value)


def _flag(value: object) -> bool:
    if type(value) is not bool:
        raise ValueError("must be true or false")
    return value


def _time(value: object) -> int:
    if type(value) is not str:
        raise ValueError("must be a time as RFC 3339 text")
    try:
        at = parse(value)
    except (ValueError, OverflowError):
        raise ValueError("must be a time as RFC 3339 text, with its zone") from None
    if not FIRST <= at <= LAST:
        raise ValueError("must be a time of the years 1 to 9999")
    return at


def _text(value: object) -> bytes:
    if type(value) is not str or len(value) > MAX_TEXT:
        raise ValueError(f"must be a text of at most {MAX_TEXT} characters")
    return value.encode()


def _list(dimension: int) -> Check:
    def check(value: object) -> bytes:
        if type(value) is not list:
            raise ValueError("must be a list of numbers")
        if dimension and len(value) != dimension:
            raise ValueError(f"has {len(value)} numbers, must have {dimension}")
        if len(value) > MAX_LIST:
            raise ValueError(f"has {len(value)} numbers, at most {MAX_LIST} are allowed")
        if any(type(number) is not float or not math.isfinite(number) for number in value):
            raise ValueError("must be a list of finite numbers")
        return struct.pack(f"<{len(value)}d", *value)

    return check


def _struct(value: object) -> bytes:
    if type(value) is not dict:
        raise ValueError("must be a struct")
    try:
        stored = json.dumps(value, allow_nan=False, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    except ValueError:
        raise ValueError("must hold finite numbers only") from None
    if len(stored) > MAX_STRUCT_BYTES:
        raise ValueError(f"has {len(stored)} bytes as JSON, at most {MAX_STRUCT_BYTES} are allowed")
    return stored


def check_of(feature: Feature) -> Check:
    """A function that gives the value as it is kept; it raises ValueError with what would be right."""
    if feature.type is ValueType.DOUBLE_LIST:
        return _list(feature.dimension)
    return _CHECKS[feature.type]


_CHECKS: Mapping[ValueType, Check] = {
    ValueType.INT64: _integer,
    ValueType.DOUBLE: _double,
    ValueType.BOOL: _flag,
    ValueType.TIMESTAMP: _time,
    ValueType.STRING: _text,
    ValueType.STRUCT: _struct,
}

# Those of one size stand side by side at the front of a packed row, so that many rows are read as a table.
FIXED: Mapping[ValueType, str] = {
    ValueType.INT64: "q",
    ValueType.DOUBLE: "d",
    ValueType.BOOL: "?",
    ValueType.TIMESTAMP: "q",
}


def exact(number: int) -> bool:
    """Whether a double stands for this number only."""
    return -EXACT_IN_DOUBLE <= number <= EXACT_IN_DOUBLE


def numbers(stored: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(stored) // 8}d", stored)


def shown(kind: ValueType, stored: object) -> object:
    """A kept value as JSON has it."""
    if isinstance(stored, bytes):
        if kind is ValueType.DOUBLE_LIST:
            return list(numbers(stored))
        return json.loads(stored) if kind is ValueType.STRUCT else stored.decode()
    if kind is ValueType.TIMESTAMP and isinstance(stored, int):
        return show(stored)
    if kind is ValueType.INT64 and isinstance(stored, int):
        return float(stored) if exact(stored) else str(stored)
    return stored
