"""Messages as JSON documents, with every field there: protojson's EmitUnpopulated.

A message that is not set is `null`, a list `[]`, a text `""`, so that a client reads the same shape whatever is set.
Members of a oneof and fields that are optional by name are left out, as Go's protojson leaves them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

_WELL_KNOWN = "google.protobuf"


@dataclass(frozen=True, slots=True)
class _Plan:
    """Fields that hold messages. single: may be unset. inner, many, maps: hold messages to complete in their turn."""

    single: tuple[tuple[str, str], ...]
    inner: tuple[tuple[str, str], ...]
    many: tuple[tuple[str, str], ...]
    maps: tuple[tuple[str, str], ...]


def to_json(message: Message) -> bytes:
    document = json_format.MessageToDict(message, always_print_fields_with_no_presence=True)
    _complete(message, document)
    return orjson.dumps(document)


def _complete(message: Message, document: dict[str, Any]) -> None:
    plan = _plan(message.DESCRIPTOR)
    for name, key in plan.single:
        if not message.HasField(name):
            document[key] = None
    for name, key in plan.inner:
        if message.HasField(name):
            _complete(getattr(message, name), document[key])
    for name, key in plan.many:
        for one, shown in zip(getattr(message, name), document[key], strict=True):
            _complete(one, shown)
    for name, key in plan.maps:
        for at, one in getattr(message, name).items():
            _complete(one, document[key][_map_key(at)])


def _map_key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


@lru_cache(maxsize=1024)
def _plan(descriptor: Descriptor) -> _Plan:
    fields = [field for field in descriptor.fields if field.message_type is not None]
    singles = [field for field in fields if not field.is_repeated]
    return _Plan(
        single=_names(field for field in singles if field.containing_oneof is None),
        inner=_names(field for field in singles if _ours(field.message_type)),
        many=_names(
            field for field in fields if field.is_repeated and not _is_map(field) and _ours(field.message_type)
        ),
        maps=_names(field for field in fields if _is_map(field) and _ours(_value_type(field))),
    )


def _names(fields: Iterable[FieldDescriptor]) -> tuple[tuple[str, str], ...]:
    return tuple((field.name, field.json_name) for field in fields)  # type: ignore[attr-defined]  # the stubs lack it


def _is_map(field: FieldDescriptor) -> bool:
    return bool(field.message_type.GetOptions().map_entry)


def _value_type(field: FieldDescriptor) -> Descriptor | None:
    found: Descriptor | None = field.message_type.fields_by_name["value"].message_type
    return found


def _ours(descriptor: Descriptor | None) -> bool:
    """Whether it is written as an object of its fields; a timestamp and its like have a form of their own."""
    return descriptor is not None and descriptor.file.package != _WELL_KNOWN
