"""Tensors as they travel: little-endian, row-major; a string is 4 bytes of length and then UTF-8."""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from fp_kernel import invalid

MAX_RANK = 8
MAX_INPUTS = 64
MAX_BYTES = 16 * 1024 * 1024
# More strings are left to the runtime, which checks all of them in a thread.
_MOST_STRINGS = 4_096
_LENGTH = struct.Struct("<I")

Number = float | int | bool


class ElementType(StrEnum):
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    INT32 = "int32"
    INT64 = "int64"
    STRING = "string"
    BOOL = "bool"


_CODES: Mapping[ElementType, tuple[str, int]] = {
    ElementType.FLOAT32: ("f", 4),
    ElementType.FLOAT64: ("d", 8),
    ElementType.INT32: ("i", 4),
    ElementType.INT64: ("q", 8),
    ElementType.BOOL: ("?", 1),
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
        """Compare the bytes with element type and shape.

        Raises InvalidArgument naming `<field>.shape` or `<field>.data`.
        """
        if len(self.shape) > MAX_RANK:
            raise invalid(f"{field}.shape", f"has {len(self.shape)} axes, at most {MAX_RANK} are served")
        if any(size < 1 for size in self.shape):
            raise invalid(f"{field}.shape", f"each axis must be at least 1, is {list(self.shape)}")
        if len(self.data) > MAX_BYTES:
            raise invalid(f"{field}.data", f"is larger than {MAX_BYTES} bytes")
        if self.element is ElementType.STRING:
            self._check_strings(field)
            return
        wanted = self.count * _CODES[self.element][1]
        if len(self.data) != wanted:
            shape = list(self.shape)
            raise invalid(
                f"{field}.data", f"must be {wanted} bytes for {self.element} of shape {shape}, is {len(self.data)}"
            )

    def numbers(self, count: int) -> tuple[Number, ...]:
        """The first `count` elements of a checked tensor of numbers."""
        code, _ = _CODES[self.element]
        return struct.unpack_from(f"<{count}{code}", self.data)

    def strings(self, count: int) -> tuple[str, ...]:
        """The first `count` elements of a checked tensor of strings; bad UTF-8 is replaced."""
        found: list[str] = []
        offset = 0
        for _ in range(count):
            start = offset + _LENGTH.size
            offset = start + _LENGTH.unpack_from(self.data, offset)[0]
            found.append(self.data[start:offset].decode(errors="replace"))
        return tuple(found)

    def _check_strings(self, field: str) -> None:
        count = self.count
        if count * _LENGTH.size > len(self.data):
            raise invalid(f"{field}.data", f"is too short for {count} strings")
        if count > _MOST_STRINGS:
            return
        offset = 0
        for index in range(count):
            if offset + _LENGTH.size > len(self.data):
                raise invalid(f"{field}.data", f"ends before string {index} of {count}")
            offset += _LENGTH.size + _LENGTH.unpack_from(self.data, offset)[0]
        if offset != len(self.data):
            raise invalid(f"{field}.data", f"has {len(self.data)} bytes, its {count} strings need {offset}")
