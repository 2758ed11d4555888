"""Tensors on the wire (little-endian, row-major) and in memory (numpy)."""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from fp_kernel import invalid
from numpy.typing import NDArray

Array = NDArray[Any]

MAX_RANK = 8
MAX_BYTES = 16 * 1024 * 1024
_LENGTH = struct.Struct("<I")


class ElementType(StrEnum):
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    INT32 = "int32"
    INT64 = "int64"
    BOOL = "bool"
    STRING = "string"


_FIXED: Mapping[ElementType, np.dtype[Any]] = {
    ElementType.FLOAT32: np.dtype("<f4"),
    ElementType.FLOAT64: np.dtype("<f8"),
    ElementType.INT32: np.dtype("<i4"),
    ElementType.INT64: np.dtype("<i8"),
    ElementType.BOOL: np.dtype("?"),
}
_BY_DTYPE: Mapping[str, ElementType] = {dtype.str: element for element, dtype in _FIXED.items()}


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor as it travels.

    shape: empty for a scalar.
    data: elements in row-major order, little-endian; a string is 4 bytes of length and then UTF-8.
    """

    element: ElementType
    shape: tuple[int, ...]
    data: bytes


def decode(tensor: Tensor, field: str) -> Array:
    """The array that a tensor means; fixed-size elements are a read-only view of `tensor.data`.

    Raises InvalidArgument naming `<field>.shape` or `<field>.data`.
    """
    count = _count(tensor.shape, field)
    if len(tensor.data) > MAX_BYTES:
        raise invalid(f"{field}.data", f"is larger than {MAX_BYTES} bytes")
    if tensor.element is ElementType.STRING:
        return _strings(tensor.data, count, field).reshape(tensor.shape)
    dtype = _FIXED[tensor.element]
    if len(tensor.data) != count * dtype.itemsize:
        shape = list(tensor.shape)
        raise invalid(
            f"{field}.data",
            f"must be {count * dtype.itemsize} bytes for {tensor.element} of shape {shape}, is {len(tensor.data)}",
        )
    if tensor.element is ElementType.BOOL and count and np.frombuffer(tensor.data, np.uint8).max() > 1:
        raise invalid(f"{field}.data", "bool elements must be 0 or 1")
    return np.frombuffer(tensor.data, dtype).reshape(tensor.shape)


def encode(array: Array) -> Tensor:
    """The tensor that an array travels as.

    Raises TypeError for an element type that has no form on the wire.
    """
    if array.dtype.kind in "OUS":
        return Tensor(ElementType.STRING, array.shape, _join(array))
    element = _BY_DTYPE.get(array.dtype.newbyteorder("<").str)
    if element is None:
        raise TypeError(f"no wire form for elements of {array.dtype}")
    return Tensor(element, array.shape, np.ascontiguousarray(array, _FIXED[element]).tobytes())


def numpy_type(element: ElementType) -> np.dtype[Any]:
    """The dtype of decoded arrays; strings are objects."""
    return _FIXED.get(element, np.dtype(object))


def _count(shape: tuple[int, ...], field: str) -> int:
    if len(shape) > MAX_RANK:
        raise invalid(f"{field}.shape", f"has {len(shape)} axes, at most {MAX_RANK} are served")
    if any(size < 1 for size in shape):
        raise invalid(f"{field}.shape", f"each axis must be at least 1, is {list(shape)}")
    return math.prod(shape)


def _strings(data: bytes, count: int, field: str) -> Array:
    if count * _LENGTH.size > len(data):
        raise invalid(f"{field}.data", f"is too short for {count} strings")
    elements = np.empty(count, object)
    offset = 0
    for index in range(count):
        start = offset + _LENGTH.size
        if start > len(data):
            raise invalid(f"{field}.data", f"ends before string {index} of {count}")
        offset = start + _LENGTH.unpack_from(data, offset)[0]
        if offset > len(data):
            raise invalid(f"{field}.data", f"string {index} reaches beyond the end")
        try:
            elements[index] = data[start:offset].decode()
        except UnicodeDecodeError:
            raise invalid(f"{field}.data", f"string {index} is not UTF-8") from None
    if offset != len(data):
        raise invalid(f"{field}.data", f"has {len(data) - offset} bytes after the last of {count} strings")
    return elements


def _join(array: Array) -> bytes:
    parts: list[bytes] = []
    for value in array.ravel().tolist():
        text = value if isinstance(value, bytes) else str(value).encode()
        parts += (_LENGTH.pack(len(text)), text)
    return b"".join(parts)
