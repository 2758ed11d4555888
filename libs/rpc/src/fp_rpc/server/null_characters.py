"""The character NUL in texts of a request: no store takes it, and none of them says so in time.

A message without a zero byte has no such text, and that is soon seen. A zero byte may as well belong to a number or to
a tensor; then the texts themselves are looked at, and nothing else.
"""

import functools
from collections.abc import Callable
from typing import Any, Final

from fp_kernel import invalid
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

_NUL: Final = "\0"
# Their places are named as in the JSON that they stand for: `input.note`, not `input.fields[note].string_value`.
_STRUCT: Final = "google.protobuf.Struct"
_JSON: Final = frozenset((_STRUCT, "google.protobuf.Value", "google.protobuf.ListValue"))
# The path of the first text with a NUL, below what it is given; None when there is none.
_Look = Callable[[Any], str | None]


class NullCharacters:
    """Looks at requests of one type."""

    def __init__(self, request: Descriptor) -> None:
        self._look = _Looks(request)

    def check(self, message: Message) -> None:
        """Raises InvalidArgument naming the field."""
        if (place := self._look(message)) is not None:
            raise invalid(place.removeprefix("."), "must not hold the character NUL")


@functools.cache
def null_characters(request: Descriptor) -> NullCharacters:
    """The same for each server of a process: tests start hundreds of them."""
    return NullCharacters(request)


class _Looks:
    """How to look at a type of message: at the fields that are or hold text. Others are not even read, because reading
    the bytes of a tensor copies them.
    """

    def __init__(self, descriptor: Descriptor, above: "tuple[_Looks, ...]" = ()) -> None:
        self.name = descriptor.full_name
        self._fields: list[tuple[str, bool, _Look]] = []
        # A type that holds itself is looked at by the same object.
        here = (*above, self)
        for field in descriptor.fields:
            if (look := _look(field, here)) is not None:
                presence = field.message_type is not None and not field.is_repeated
                self._fields.append((field.name, presence, look))

    def __bool__(self) -> bool:
        return bool(self._fields)

    def __call__(self, message: Message) -> str | None:
        for name, presence, look in self._fields:
            if presence and not message.HasField(name):
                continue
            if (place := look(getattr(message, name))) is not None:
                return place if self.name in _JSON else f".{name}{place}"
        return None


def _look(field: FieldDescriptor, above: tuple[_Looks, ...]) -> _Look | None:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        return _of_map(kind, above)
    look: _Look | None
    if kind is not None:
        known = next((each for each in above if each.name == kind.full_name), None)
        # Nothing can be said yet of a type that is still being looked through: that it holds itself is reason enough.
        look = known if known is not None else _Looks(kind, above) or None
    else:
        look = _in_text if field.type == FieldDescriptor.TYPE_STRING else None
    return _each(look) if look is not None and field.is_repeated else look


def _in_text(text: str) -> str | None:
    return "" if _NUL in text else None


def _each(look: _Look) -> _Look:
    def among(values: Any) -> str | None:
        for index, value in enumerate(values):
            if (place := look(value)) is not None:
                return f"[{index}]{place}"
        return None

    return among


def _of_map(entry: Descriptor, above: tuple[_Looks, ...]) -> _Look | None:
    texts = entry.fields_by_name["key"].type == FieldDescriptor.TYPE_STRING
    named = ".{}" if entry.containing_type.full_name == _STRUCT else "[{}]"
    look = _look(entry.fields_by_name["value"], above)

    def among(pairs: Any) -> str | None:
        for key in pairs:
            if texts and _NUL in key:
                # The key itself would carry the character into the message.
                return ""
            if look is not None and (place := look(pairs[key])) is not None:
                return f"{named.format(key)}{place}"
        return None

    return among if texts or look is not None else None
