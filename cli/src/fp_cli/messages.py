"""Messages as the JSON that programs get."""

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

# Beyond it not every whole number is a double.
_EXACT: Final = 2.0**53
_LONG: Final = frozenset(
    {
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_SINT64,
        FieldDescriptor.TYPE_FIXED64,
        FieldDescriptor.TYPE_SFIXED64,
    }
)


def plain(message: Message) -> dict[str, Any]:
    """A dictionary with the proto's field names, empty fields too.

    Unlike protojson, enum values lose their prefix (`PRODUCTION`) and 64-bit numbers are numbers.
    """
    found: dict[str, Any] = json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return _fields(found, message.DESCRIPTOR)


def sparse(message: Message) -> dict[str, Any]:
    """As `plain`, without what is empty: what people write of a message."""
    return _sparse_fields(plain(message), message.DESCRIPTOR)


def _sparse_fields(found: Mapping[str, Any], descriptor: Any) -> dict[str, Any]:
    values = {name: _sparse(value, descriptor.fields_by_name[name]) for name, value in found.items()}
    # 0 stands for False as well.
    return {name: value for name, value in values.items() if value not in ("", 0, None, [], {}, "0s")}


def _sparse(value: Any, field: Any) -> Any:
    kind = field.message_type
    if kind is None or _is_well_known(kind):
        # Numbers of a Struct are doubles; people write 3.
        found = _whole(value) if kind is not None else "" if _is_unspecified(value, field) else value
    elif kind.GetOptions().map_entry:
        entry = kind.fields_by_name["value"]
        found = {key: _sparse(item, entry) for key, item in sorted(value.items())}
    elif isinstance(value, list):
        found = [_sparse_fields(item, kind) for item in value]
    else:
        found = _sparse_fields(value, kind)
    return found


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT else value


def _is_unspecified(value: Any, field: Any) -> bool:
    return field.enum_type is not None and value == "UNSPECIFIED"


def _fields(found: Mapping[str, Any], descriptor: Any) -> dict[str, Any]:
    return {name: _value(value, descriptor.fields_by_name[name]) for name, value in found.items()}


def _value(value: Any, field: Any) -> Any:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        entry = kind.fields_by_name["value"]
        return {key: _one(item, entry) for key, item in value.items()}
    if isinstance(value, list) and (kind is None or not _is_well_known(kind)):
        return [_one(item, field) for item in value]
    return _one(value, field)


def _one(value: Any, field: Any) -> Any:
    if field.message_type is not None:
        return value if _is_well_known(field.message_type) else _fields(value, field.message_type)
    if field.enum_type is not None and isinstance(value, str):
        return value.removeprefix(_prefix(field.enum_type))
    return int(value) if field.type in _LONG else value


def _is_well_known(descriptor: Any) -> bool:
    """Timestamps, structs and the like have a JSON form of their own."""
    return bool(descriptor.full_name.startswith("google.protobuf."))


def _prefix(enum: Any) -> str:
    """`MODEL_STAGE_` of `MODEL_STAGE_UNSPECIFIED`: what the zero value is named for."""
    return str(enum.values_by_number[0].name).removesuffix("UNSPECIFIED").removesuffix("UNKNOWN")
