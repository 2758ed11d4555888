"""google.protobuf.Struct and plain JSON: numbers without a fraction become whole ones again."""

from collections.abc import Mapping
from typing import Any

from fp_kernel import invalid
from google.protobuf.struct_pb2 import ListValue, Struct, Value

_DEEPEST = 32


def from_struct(struct: Struct, field: str) -> dict[str, Any]:
    """Raises InvalidArgument naming the field that nests too deeply."""
    return _object(struct, field, 0)


def to_struct(content: Mapping[str, Any]) -> Struct:
    struct = Struct()
    struct.update(dict(content))
    return struct


def to_value(content: Any) -> Value:
    return to_struct({"value": content}).fields["value"]


def _object(struct: Struct, field: str, depth: int) -> dict[str, Any]:
    return {key: _value(value, f"{field}.{key}", depth + 1) for key, value in struct.fields.items()}


def _list(values: ListValue, field: str, depth: int) -> list[Any]:
    return [_value(value, f"{field}[{index}]", depth + 1) for index, value in enumerate(values.values)]


def _value(value: Value, field: str, depth: int) -> Any:
    if depth > _DEEPEST:
        raise invalid(field, f"nests deeper than {_DEEPEST}")
    match value.WhichOneof("kind"):
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return _object(value.struct_value, field, depth)
        case "list_value":
            return _list(value.list_value, field, depth)
        case _:
            return None
