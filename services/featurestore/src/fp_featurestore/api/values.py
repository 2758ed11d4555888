"""Values of the wire as plain ones, and back."""

from collections.abc import Callable, Mapping
from typing import Any

from fp_kernel import invalid
from google.protobuf.struct_pb2 import NULL_VALUE, ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from fp_featurestore.domain.instants import FIRST, LAST, SECOND, Instant

_MAX_DEPTH = 32
_NANOS = 1_000_000_000


def plain(value: Value, depth: int = 0) -> object:
    """As JSON has it; None also for a value of no kind. Raises ValueError when it is nested too deeply."""
    if depth > _MAX_DEPTH:
        raise ValueError(f"is nested more than {_MAX_DEPTH} deep")
    kind = value.WhichOneof("kind")
    return None if kind is None else _PLAIN[kind](value, depth)


_PLAIN: Mapping[str, Callable[[Value, int], object]] = {
    "number_value": lambda value, _: value.number_value,
    "string_value": lambda value, _: value.string_value,
    "bool_value": lambda value, _: value.bool_value,
    "null_value": lambda _value, _depth: None,
    "list_value": lambda value, depth: [plain(one, depth + 1) for one in value.list_value.values],
    "struct_value": lambda value, depth: {
        name: plain(one, depth + 1) for name, one in value.struct_value.fields.items()
    },
}


def plain_row(values: Mapping[str, Value], field: str) -> dict[str, object]:
    """Raises InvalidArgument naming the value."""
    row: dict[str, object] = {}
    for name, value in values.items():
        try:
            row[name] = plain(value)
        except ValueError as error:
            raise invalid(f"{field}[{name}]", str(error)) from None
    return row


def value_of(found: object) -> Value:
    make = _VALUE.get(type(found))
    return make(found) if make else Value(null_value=NULL_VALUE)


_VALUE: Mapping[type, Callable[[Any], Value]] = {
    bool: lambda found: Value(bool_value=found),
    float: lambda found: Value(number_value=found),
    int: lambda found: Value(number_value=found),
    str: lambda found: Value(string_value=found),
    list: lambda found: Value(list_value=ListValue(values=map(value_of, found))),
    dict: lambda found: Value(struct_value=Struct(fields={name: value_of(one) for name, one in found.items()})),
}


def instant_of(at: Timestamp, field: str) -> Instant:
    """Raises InvalidArgument naming `field`."""
    found = int(at.seconds) * SECOND + at.nanos // 1_000
    if not FIRST <= found <= LAST or not 0 <= at.nanos < _NANOS:
        raise invalid(field, "must be a time of the years 1 to 9999")
    return found


def timestamp(at: Instant) -> Timestamp:
    seconds, micros = divmod(at, SECOND)
    return Timestamp(seconds=seconds, nanos=micros * 1_000)
