"""Vectors as bytes of the wire, without an object for each value.

The map entry of a number or flag has a constant length for its feature, so the values of a row are a template of bytes
with holes, which one call fills.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from struct import Struct
from typing import Final

from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from fp_kernel import invalid
from fp_kernel.varints import delimited, varint

from fp_featurestore.api.convert import vector_head, vector_to_pb
from fp_featurestore.app.vectors import Vector
from fp_featurestore.domain.features import Schema, ValueType
from fp_featurestore.domain.plan import plan_of
from fp_featurestore.domain.values import exact

# Clients take four mebibytes by default.
MAX_ANSWER_BYTES: Final = 4_000_000
# FeatureVector.values and the vectors of both answers, as tags of the wire; so are key and value of a map entry.
_VALUES, _VECTORS, _KEY, _VALUE = b"\x12", b"\x0a", b"\x0a", b"\x12"
# google.protobuf.Value of a kind: its length, the tag of its field, and the format of what follows.
_KINDS: Final = {
    ValueType.INT64: (b"\x09\x11", "d"),
    ValueType.DOUBLE: (b"\x09\x11", "d"),
    ValueType.BOOL: (b"\x02\x20", "?"),
}


def online(vectors: Iterable[Vector]) -> pb.GetOnlineFeaturesResponse:
    """Raises InvalidArgument when it is more than a client takes."""
    return pb.GetOnlineFeaturesResponse.FromString(_fields(vectors))


def historical(vectors: Iterable[Vector]) -> pb.GetHistoricalFeaturesResponse:
    """Raises InvalidArgument when it is more than a client takes."""
    return pb.GetHistoricalFeaturesResponse.FromString(_fields(vectors))


def size(vectors: Sequence[Vector]) -> int:
    """Bytes that there are to convert, about."""
    return sum(len(vector.packed) for vector in vectors)


def _fields(vectors: Iterable[Vector]) -> bytes:
    """The field `vectors`, which is the first of both answers."""
    parts, total = [], 0
    for part in map(_field, vectors):
        total += len(part)
        if total > MAX_ANSWER_BYTES:
            raise invalid("entity_ids", f"have more than {MAX_ANSWER_BYTES} bytes of values; ask for fewer")
        parts.append(part)
    return b"".join(parts)


def _field(vector: Vector) -> bytes:
    template = _template(vector.schema, tuple(vector.names))
    values = template.fill(vector.packed) if template else None
    if values is None:
        body = vector_to_pb(vector).SerializeToString()
    else:
        # Fields of a message may come in any order, so what is written apart is put behind.
        body = vector_head(vector).SerializeToString() + values
    return delimited(_VECTORS, body)


class _Template:
    def __init__(self, schema: Schema, names: Sequence[str], slots: Sequence[int]) -> None:
        kinds = {feature.name: feature.type for feature in schema}
        self._plan, self._slots = plan_of(schema), slots
        pairs = zip(names, slots, strict=True)
        self._integers = [slot for name, slot in pairs if kinds[name] is ValueType.INT64]
        self._parts: list[object] = []
        form = "<"
        for name in names:
            value, code = _KINDS[kinds[name]]
            head = _entry(name.encode(), value, Struct(f"<{code}").size)
            self._parts += (head, None)
            form += f"{len(head)}s{code}"
        self._form = Struct(form)

    def fill(self, packed: bytes) -> bytes | None:
        """None for a row that lacks a feature, or has a whole number that must be written as a text."""
        front = self._plan.front(packed)
        if front is None or not all(exact(front[slot]) for slot in self._integers):
            return None
        parts = self._parts.copy()
        parts[1::2] = [front[slot] for slot in self._slots]
        return self._form.pack(*parts)


@lru_cache(maxsize=1_024)
def _template(schema: Schema, names: tuple[str, ...]) -> _Template | None:
    """None when a feature has values of several lengths, or the schema lacks it."""
    slots = plan_of(schema).slots(names)
    kinds = {feature.name: feature.type for feature in schema}
    if slots is None or not all(kinds[name] in _KINDS for name in names):
        return None
    return _Template(schema, names, slots)


def _entry(name: bytes, value: bytes, size: int) -> bytes:
    """Everything of a map entry but the value's last bytes, which are `size`."""
    body = delimited(_KEY, name) + _VALUE + value
    return _VALUES + varint(len(body) + size) + body
