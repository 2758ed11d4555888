"""Tensors as they travel: little-endian, row-major; a string is 4 bytes of length and then UTF-8."""

import math
import struct
import sys
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fp_kernel.errors import invalid

MAX_RANK = 8
MAX_BYTES = 16 * 1024 * 1024
# A service that only passes a tensor on does not walk through more strings; serving, which reads them all, does.
_MOST_STRINGS = 4_096
_LENGTH = struct.Struct("<I")

Number = float | int | bool


class ElementType(StrEnum):
    """The type of a tensor's elements; the values are stored in signatures."""

    FLOAT32 = "float32"
    FLOAT64 = "float64"
    INT32 = "int32"
    INT64 = "int64"
    STRING = "string"
    BOOL = "bool"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"
    UINT8 = "uint8"
    INT16 = "int16"
    UINT16 = "uint16"
    UINT32 = "uint32"
    UINT64 = "uint64"


FLOATS = frozenset({ElementType.FLOAT32, ElementType.FLOAT64, ElementType.FLOAT16, ElementType.BFLOAT16})

ONNX_TYPES: Mapping[ElementType, int] = {
    ElementType.FLOAT32: 1,
    ElementType.UINT8: 2,
    ElementType.INT8: 3,
    ElementType.UINT16: 4,
    ElementType.INT16: 5,
    ElementType.INT32: 6,
    ElementType.INT64: 7,
    ElementType.STRING: 8,
    ElementType.BOOL: 9,
    ElementType.FLOAT16: 10,
    ElementType.FLOAT64: 11,
    ElementType.UINT32: 12,
    ElementType.UINT64: 13,
    ElementType.BFLOAT16: 16,
}
"""The numbers of `TensorProto.DataType` in ONNX files."""

# Of `struct`, which has none for bfloat16: those are read as the whole numbers that their bits are, and widened.
_CODES: Mapping[ElementType, tuple[str, int]] = {
    ElementType.FLOAT32: ("f", 4),
    ElementType.FLOAT64: ("d", 8),
    ElementType.INT32: ("i", 4),
    ElementType.INT64: ("q", 8),
    ElementType.BOOL: ("?", 1),
    ElementType.FLOAT16: ("e", 2),
    ElementType.BFLOAT16: ("H", 2),
    ElementType.INT8: ("b", 1),
    ElementType.UINT8: ("B", 1),
    ElementType.INT16: ("h", 2),
    ElementType.UINT16: ("H", 2),
    ElementType.UINT32: ("I", 4),
    ElementType.UINT64: ("Q", 8),
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """shape: empty for a scalar."""

    element: ElementType
    shape: tuple[int, ...]
    data: bytes

    @property
    def count(self) -> int:
        return math.prod(self.shape)

    @property
    def width(self) -> int:
        """Elements of one row; a scalar is one row of one."""
        return math.prod(self.shape[1:])

    def check(self, field: str) -> None:
        """As `check_size`, and that strings end where the data ends; very many of them are not walked through.

        Raises InvalidArgument naming `<field>.shape` or `<field>.data`.
        """
        self.check_size(field)
        if self.element is ElementType.STRING and self.count <= _MOST_STRINGS:
            self.spans(field)

    def check_size(self, field: str) -> None:
        """Compare the number of bytes with element type and shape; for strings it must be enough for their lengths.

        Raises InvalidArgument naming `<field>.shape` or `<field>.data`.
        """
        if len(self.shape) > MAX_RANK:
            raise invalid(f"{field}.shape", f"has {len(self.shape)} axes, at most {MAX_RANK} are served")
        if any(size < 1 for size in self.shape):
            raise invalid(f"{field}.shape", f"each axis must be at least 1, is {list(self.shape)}")
        if len(self.data) > MAX_BYTES:
            raise invalid(f"{field}.data", f"is larger than {MAX_BYTES} bytes")
        if self.element is ElementType.STRING:
            if self.count * _LENGTH.size > len(self.data):
                raise invalid(f"{field}.data", f"is too short for {self.count} strings")
            return
        wanted = self.count * _CODES[self.element][1]
        if len(self.data) != wanted:
            shape = list(self.shape)
            raise invalid(
                f"{field}.data", f"must be {wanted} bytes for {self.element} of shape {shape}, is {len(self.data)}"
            )

    def numbers(self, count: int, start: int = 0) -> tuple[Number, ...]:
        """`count` elements of a checked tensor of numbers, from this place on."""
        code, size = _CODES[self.element]
        found = struct.unpack_from(f"<{count}{code}", self.data, start * size)
        return tuple(widened(found)) if self.element is ElementType.BFLOAT16 else found

    def number(self, index: int) -> Number:
        """One element of a checked tensor of numbers, by its place in the data."""
        return self.numbers(1, index)[0]

    def strings(self, count: int) -> tuple[str, ...]:
        """The first `count` elements of a checked tensor of strings; bad UTF-8 is replaced."""
        found: list[str] = []
        offset = 0
        for _ in range(count):
            start = offset + _LENGTH.size
            offset = start + _LENGTH.unpack_from(self.data, offset)[0]
            found.append(self.data[start:offset].decode(errors="replace"))
        return tuple(found)

    def texts(self, places: Sequence[int], longest: int) -> tuple[str, ...]:
        """The first `longest` characters of these elements of a checked tensor of strings; places: ascending.

        All strings before the last place are walked through.
        """
        found: list[str] = []
        offset, at = 0, 0
        for place in places:
            for _ in range(at, place):
                offset += _LENGTH.size + _LENGTH.unpack_from(self.data, offset)[0]
            start, end = offset + _LENGTH.size, offset + _LENGTH.size + _LENGTH.unpack_from(self.data, offset)[0]
            # No character of UTF-8 has more than four bytes.
            found.append(self.data[start : min(end, start + 4 * longest)].decode(errors="replace")[:longest])
            at = place
        return tuple(found)

    def spans(self, field: str) -> Sequence[tuple[int, int]]:
        """Where in the data each string of a tensor of strings begins and ends.

        Raises InvalidArgument naming `<field>.data`.
        """
        count, end = self.count, len(self.data)
        found: list[tuple[int, int]] = []
        offset = 0
        for index in range(count):
            start = offset + _LENGTH.size
            if start > end:
                raise invalid(f"{field}.data", f"ends before string {index} of {count}")
            offset = start + _LENGTH.unpack_from(self.data, offset)[0]
            if offset > end:
                raise invalid(f"{field}.data", f"string {index} reaches beyond the end")
            found.append((start, offset))
        if offset != end:
            raise invalid(f"{field}.data", f"has {end - offset} bytes after the last of {count} strings")
        return found


def widened(halves: Sequence[int]) -> "array[float]":
    """The numbers that bfloat16 elements stand for: their bits are the upper half of those of a float32."""
    found = array("f")
    found.frombytes(array("I", [bits << 16 for bits in halves]).tobytes())
    return found


def narrowed(numbers: "array[float]") -> "array[int]":
    """Numbers of float32 as bfloat16, each the nearest one, of two as near the even one."""
    bits = array("I", numbers.tobytes())
    return array(
        "H", [_QUIET if math.isnan(number) else _upper(own) for number, own in zip(numbers, bits, strict=True)]
    )


def _upper(bits: int) -> int:
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16


_QUIET = 0x7FC0
"""The bfloat16 that is no number."""


def little(values: "array[Any]") -> "array[Any]":
    """Values in the order of bytes of the wire, or back from it."""
    if sys.byteorder == "big":
        values.byteswap()
    return values
