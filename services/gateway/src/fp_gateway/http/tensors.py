"""Tensors as people write them in JSON, and as bytes on the wire (row-major, little-endian)."""

import base64
import math
import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from forgepoint.inference.v1 import inference_pb2 as pb
from fp_kernel import invalid

_TYPECODES: Final[Mapping[int, str]] = {
    pb.DATA_TYPE_FLOAT32: "f",
    pb.DATA_TYPE_FLOAT64: "d",
    pb.DATA_TYPE_INT32: "i",
    pb.DATA_TYPE_INT64: "q",
    pb.DATA_TYPE_BOOL: "B",
}
_PREFIX: Final = "DATA_TYPE_"
_LENGTH_BYTES: Final = 4
_LARGEST_AXIS: Final = 2**63 - 1
# More axes than any model is served with.
_DEEPEST: Final = 32


def from_json(document: Any, field: str) -> pb.TensorData:
    """Read `{"dtype": "FLOAT32", "shape": [1, 3], "data": [...]}`.

    data: numbers, nested as deep as the shape or flat, or base64 of the bytes. shape: may be left out for nested data.
    Raises InvalidArgument naming the field below `field`.
    """
    if not isinstance(document, dict):
        raise invalid(field, "must be an object with dtype, shape and data")
    dtype = _dtype(document.get("dtype", "FLOAT32"), f"{field}.dtype")
    data = document.get("data")
    if isinstance(data, str):
        return pb.TensorData(shape=shape_of(document, field), dtype=dtype, data=_base64(data, f"{field}.data"))
    if not isinstance(data, list):
        raise invalid(f"{field}.data", "must be an array or base64")
    shape = shape_of(document, field) if "shape" in document else _nested_shape(data)
    return packed(data, shape, dtype, field)


def to_json(tensor: pb.TensorData) -> dict[str, Any]:
    return {
        "dtype": pb.DataType.Name(tensor.dtype).removeprefix(_PREFIX),
        "shape": list(tensor.shape),
        "data": unpacked(tensor),
    }


def packed(data: list[Any], shape: Sequence[int], dtype: pb.DataType.ValueType, field: str) -> pb.TensorData:
    """A tensor of numbers, truths or strings, nested or flat. Raises InvalidArgument naming `<field>.data`."""
    flat = list(_flatten(data, f"{field}.data"))
    if math.prod(shape) != len(flat):
        raise invalid(f"{field}.data", f"has {len(flat)} elements; the shape {list(shape)} needs {math.prod(shape)}")
    return pb.TensorData(shape=shape, dtype=dtype, data=_pack(flat, dtype, f"{field}.data"))


def _dtype(name: Any, field: str) -> pb.DataType.ValueType:
    known = {value.removeprefix(_PREFIX): number for value, number in pb.DataType.items() if number}
    plain = str(name).removeprefix(_PREFIX)
    if plain not in known:
        raise invalid(field, f"must be one of {', '.join(sorted(known))}")
    return known[plain]


def shape_of(document: Mapping[str, Any], field: str) -> list[int]:
    """Raises InvalidArgument naming `<field>.shape`."""
    shape = document.get("shape")
    if not isinstance(shape, list) or not all(type(size) is int and 0 <= size <= _LARGEST_AXIS for size in shape):
        raise invalid(f"{field}.shape", "must be an array of sizes")
    return shape


def _nested_shape(data: Sequence[Any]) -> list[int]:
    shape, level = [], data
    while isinstance(level, list):
        shape.append(len(level))
        level = level[0] if level else 0  # type: ignore[assignment]
    return shape


def _flatten(data: Sequence[Any], field: str, depth: int = 1) -> Iterator[Any]:
    if depth > _DEEPEST:
        raise invalid(field, f"is nested deeper than {_DEEPEST} arrays")
    for item in data:
        if isinstance(item, list):
            yield from _flatten(item, field, depth + 1)
        else:
            yield item


def _pack(values: list[Any], dtype: int, field: str) -> bytes:
    try:
        if dtype == pb.DATA_TYPE_STRING:
            return b"".join(_string(value) for value in values)
        if dtype == pb.DATA_TYPE_BOOL:
            return bytes(_truth(value) for value in values)
        packed = array(_TYPECODES[dtype], values)
    except (TypeError, ValueError, OverflowError) as error:
        raise invalid(field, f"holds a value of another type: {error}") from None
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _truth(value: Any) -> int:
    if value not in (0, 1):
        raise ValueError("true or false is required")
    return int(value)


def _string(value: str) -> bytes:
    if not isinstance(value, str):
        raise TypeError("a string is required")
    encoded = value.encode()
    return len(encoded).to_bytes(_LENGTH_BYTES, "little") + encoded


def _base64(text: str, field: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        # binascii.Error is one; so is the complaint about a character that is not ASCII.
        raise invalid(field, "is not base64") from None


def unpacked(tensor: pb.TensorData) -> list[Any]:
    """The elements as JSON writes them, flat."""
    if tensor.dtype == pb.DATA_TYPE_STRING:
        return list(_strings(tensor.data))
    values = array(_TYPECODES[tensor.dtype])
    values.frombytes(tensor.data)
    if sys.byteorder == "big":
        values.byteswap()
    if tensor.dtype == pb.DATA_TYPE_BOOL:
        return [bool(value) for value in values]
    return [_finite(value) for value in values]


def _finite(value: float) -> float | str:
    """JSON has no NaN and no infinities; protojson writes them as strings, and so do we."""
    if isinstance(value, int) or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _strings(data: bytes) -> Iterator[str]:
    position = 0
    while position < len(data):
        start = position + _LENGTH_BYTES
        end = start + int.from_bytes(data[position:start], "little")
        yield data[start:end].decode()
        position = end
