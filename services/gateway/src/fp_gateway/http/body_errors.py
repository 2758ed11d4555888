"""Which part of a JSON body does not fit its message, named by its path; protobuf's own texts name no path."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fp_kernel import InvalidArgument, invalid
from fp_rpc.json_bodies import MAX_DEPTH, too_deep
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor

_CONTAINERS: Final = (dict, list)
_OF_KNOWN_TYPES: Final = {
    "google.protobuf.Timestamp": 'must be a time with its zone, such as "2026-01-31T10:00:00Z"',
    "google.protobuf.Duration": 'must be a duration in seconds, such as "1.5s"',
    "google.protobuf.Struct": "must be an object",
    "google.protobuf.ListValue": "must be a list",
    "google.protobuf.Value": "must be a JSON value",
    "google.protobuf.FieldMask": "must be names of fields, with commas between",
}
_OF_KINDS: Final = {
    FieldDescriptor.CPPTYPE_BOOL: "must be true or false",
    FieldDescriptor.CPPTYPE_STRING: "must be a text",
    FieldDescriptor.CPPTYPE_DOUBLE: "must be a number",
    FieldDescriptor.CPPTYPE_FLOAT: "must be a number",
}


def check_depth(document: Mapping[str, Any]) -> None:
    """Raises InvalidArgument naming the field: protobuf's own ways to read it end in errors without a place."""
    for name, value in document.items():
        level = [value] if isinstance(value, _CONTAINERS) else []
        for _ in range(MAX_DEPTH - 1):
            if not level:
                break
            level = [each for one in level for each in _items(one) if isinstance(each, _CONTAINERS)]
        if level:
            raise too_deep(name)


def first_error(document: Mapping[str, Any], descriptor: Descriptor) -> InvalidArgument:
    """The first part that cannot be read; only for documents that were found not to fit."""
    return next(_in_message(document, descriptor, ""), None) or invalid("body", "does not fit the request")


def _items(one: Any) -> Any:
    return one.values() if isinstance(one, dict) else one


def _in_message(document: Mapping[str, Any], descriptor: Descriptor, path: str) -> Iterator[InvalidArgument]:
    fields = {name: field for field in descriptor.fields for name in (field.name, field.json_name)}
    for name, value in document.items():
        place = f"{path}{name}"
        if name not in fields:
            yield invalid(place, "is not a field of this request")
        elif value is not None:
            yield from _in_field(value, fields[name], place)


def _in_field(value: Any, field: FieldDescriptor, place: str) -> Iterator[InvalidArgument]:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        if not isinstance(value, dict):
            yield invalid(place, "must be an object")
            return
        of_values = field.message_type.fields_by_name["value"]
        for key, each in value.items():
            yield from _in_value(each, of_values, f"{place}[{key}]")
    elif field.is_repeated:
        if not isinstance(value, list):
            yield invalid(place, "must be a list")
            return
        for index, each in enumerate(value):
            yield from _in_value(each, field, f"{place}[{index}]")
    else:
        yield from _in_value(value, field, place)


def _in_value(value: Any, field: FieldDescriptor, place: str) -> Iterator[InvalidArgument]:
    kind = field.message_type
    if kind is None or kind.full_name in _OF_KNOWN_TYPES:
        if not _fits(value, field):
            yield invalid(place, _wanted(field))
    elif not isinstance(value, dict):
        yield invalid(place, "must be an object")
    else:
        yield from _in_message(value, kind, f"{place}.")


def _fits(value: Any, field: FieldDescriptor) -> bool:
    """Tried by the parser that reads the whole document, on this value alone."""
    try:
        if field.message_type is not None:
            json_format.ParseDict(value, message_factory.GetMessageClass(field.message_type)())
        else:
            given = [value] if field.is_repeated else value
            json_format.ParseDict({field.name: given}, message_factory.GetMessageClass(field.containing_type)())
    except (json_format.ParseError, AttributeError, TypeError, ValueError):
        return False
    return True


def _wanted(field: FieldDescriptor) -> str:
    if field.message_type is not None:
        return _OF_KNOWN_TYPES[field.message_type.full_name]
    if field.enum_type is not None:
        return f"must be one of {', '.join(value.name for value in field.enum_type.values)}"
    if field.type == FieldDescriptor.TYPE_BYTES:
        return "must be bytes as base64 text"
    return _OF_KINDS.get(field.cpp_type, "must be a whole number within its bounds")
