"""Tensors on the wire as arrays in memory."""

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from fp_kernel import invalid
from fp_kernel.tensors import ElementType, Tensor
from numpy.typing import NDArray

Array = NDArray[Any]

# numpy has none: its bits, under a name by which no whole number is mistaken for it.
BFLOAT16 = np.dtype([("bfloat16", "<u2")])
_LENGTH = struct.Struct("<I")
_FIXED: Mapping[ElementType, np.dtype[Any]] = {
    ElementType.FLOAT32: np.dtype("<f4"),
    ElementType.FLOAT64: np.dtype("<f8"),
    ElementType.INT32: np.dtype("<i4"),
    ElementType.INT64: np.dtype("<i8"),
    ElementType.BOOL: np.dtype("?"),
    ElementType.FLOAT16: np.dtype("<f2"),
    ElementType.BFLOAT16: BFLOAT16,
    ElementType.INT8: np.dtype("i1"),
    ElementType.UINT8: np.dtype("u1"),
    ElementType.INT16: np.dtype("<i2"),
    ElementType.UINT16: np.dtype("<u2"),
    ElementType.UINT32: np.dtype("<u4"),
    ElementType.UINT64: np.dtype("<u8"),
}
_BY_DTYPE: Mapping[np.dtype[Any], ElementType] = {dtype: element for element, dtype in _FIXED.items()}


def decode(tensor: Tensor, field: str) -> Array:
    """The array that a tensor means; fixed-size elements are a read-only view of `tensor.data`.

    Raises InvalidArgument naming `<field>.shape` or `<field>.data`.
    """
    tensor.check_size(field)
    if tensor.element is ElementType.STRING:
        return _strings(tensor, field).reshape(tensor.shape)
    if tensor.element is ElementType.BOOL and np.frombuffer(tensor.data, np.uint8).max() > 1:
        raise invalid(f"{field}.data", "bool elements must be 0 or 1")
    return np.frombuffer(tensor.data, _FIXED[tensor.element]).reshape(tensor.shape)


def encode(array: Array) -> Tensor:
    """The tensor that an array travels as.

    Raises TypeError for an element type that has no form on the wire.
    """
    if array.dtype.kind in "OUS":
        return Tensor(ElementType.STRING, array.shape, _join(array))
    element = _BY_DTYPE.get(array.dtype.newbyteorder("<"))
    if element is None:
        raise TypeError(f"no wire form for elements of {array.dtype}")
    return Tensor(element, array.shape, np.ascontiguousarray(array, _FIXED[element]).tobytes())


def numpy_type(element: ElementType) -> np.dtype[Any]:
    """The dtype of decoded arrays; strings are objects."""
    return _FIXED.get(element, np.dtype(object))


def widened(array: Array) -> Array:
    """Elements that can be compared and computed with: bfloat16 as float32, others as they are."""
    return (array["bfloat16"].astype("<u4") << 16).view("<f4") if array.dtype == BFLOAT16 else array


def numbers_of(values: Array, element: ElementType) -> Array:
    """Whole numbers as elements of this type."""
    if element is ElementType.BFLOAT16:
        return (values.astype("<f4").view("<u4") >> 16).astype("<u2").view(BFLOAT16)
    return values.astype(numpy_type(element))


def _strings(tensor: Tensor, field: str) -> Array:
    elements = np.empty(tensor.count, object)
    for index, (start, end) in enumerate(tensor.spans(field)):
        try:
            elements[index] = tensor.data[start:end].decode()
        except UnicodeDecodeError:
            raise invalid(f"{field}.data", f"string {index} is not UTF-8") from None
    return elements


def _join(array: Array) -> bytes:
    parts: list[bytes] = []
    for value in array.ravel().tolist():
        text = value if isinstance(value, bytes) else str(value).encode()
        parts += (_LENGTH.pack(len(text)), text)
    return b"".join(parts)
