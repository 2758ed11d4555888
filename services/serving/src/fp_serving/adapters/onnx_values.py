"""Values of ONNX Runtime that are no arrays, as arrays and back: maps, sequences, and bfloat16, which numpy lacks."""

import ctypes
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import onnxruntime
from fp_kernel.signatures import DYNAMIC, Column, TensorSpec
from fp_kernel.tensors import ONNX_TYPES, ElementType
from fp_onnx import Graph, map_columns

from fp_serving.domain.arrays import BFLOAT16, Array, numpy_type

_NAMES: Final[Mapping[ElementType, str]] = {ElementType.FLOAT32: "float", ElementType.FLOAT64: "double"}
ELEMENTS: Final[Mapping[str, ElementType]] = {
    f"tensor({_NAMES.get(element, element.value)})": element for element in ElementType
}
"""Element types by the runtime's names."""

_SEQUENCE: Final = re.compile(r"seq\((tensor\(\w+\))\)")
_MAPS: Final = re.compile(r"seq\(map\((?P<key>int64|string),(?P<value>tensor\(\w+\))\)\)")

Read = Callable[[Any], Array]


def spec_of(node: Any, *, optional: bool = False) -> TensorSpec:
    """Of a tensor whose element type is among ELEMENTS."""
    shape = tuple(size if isinstance(size, int) and size > 0 else DYNAMIC for size in node.shape)
    return TensorSpec(node.name, ELEMENTS[node.type], shape, optional=optional)


def answer_of(node: Any, graph: Graph) -> tuple[TensorSpec, Read | None] | None:
    """The tensor that an output is or becomes, and how; None when it becomes none."""
    if node.type in ELEMENTS:
        return spec_of(node), None
    sequence = _SEQUENCE.fullmatch(node.type)
    if sequence is not None and sequence[1] in ELEMENTS:
        element = ELEMENTS[sequence[1]]
        return TensorSpec(node.name, element, (DYNAMIC,)), _stacking(numpy_type(element))
    maps = _MAPS.fullmatch(node.type)
    columns = map_columns(graph, node.name) if maps is not None else ()
    if maps is None or not columns or maps["value"] not in ELEMENTS:
        return None
    element = ELEMENTS[maps["value"]]
    keys = [int(column) for column in columns] if maps["key"] == "int64" else list(columns)
    spec = TensorSpec(node.name, element, (DYNAMIC, len(columns)), tuple(map(Column, columns)))
    return spec, _by_column(keys, numpy_type(element))


def _by_column(keys: Sequence[int | str], dtype: np.dtype[Any]) -> Read:
    def read(rows: Sequence[Mapping[int | str, Any]]) -> Array:
        return np.array([[row[key] for key in keys] for row in rows], dtype).reshape(len(rows), len(keys))

    return read


def _stacking(dtype: np.dtype[Any]) -> Read:
    def read(members: Sequence[Array]) -> Array:
        """Raises ValueError when they are of several shapes, which no tensor holds."""
        return np.stack(members) if members else np.empty((0,), dtype)

    return read


def run_with_bfloat16(session: Any, names: Sequence[str], inputs: Mapping[str, Array]) -> list[Any]:
    """As `session.run`, for models that take or give bfloat16: slower, and the only way to pass them."""
    given = {name: _value(array) for name, array in inputs.items()}
    return [_array(value) for value in session.run_with_ort_values(list(names), given)]


def _value(array: Array) -> Any:
    if array.dtype == BFLOAT16:
        bits = np.ascontiguousarray(array).view(np.uint16)
        number = ONNX_TYPES[ElementType.BFLOAT16]
        return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(bits, number)
    return onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array))


def _array(value: Any) -> Any:
    if not value.is_tensor() or value.element_type() != ONNX_TYPES[ElementType.BFLOAT16]:
        return value.numpy()
    shape = value.shape()
    size = int(np.prod(shape, dtype=np.int64)) * BFLOAT16.itemsize
    # A copy: the memory is the runtime's.
    data = ctypes.string_at(value.data_ptr(), size) if size else b""
    return np.frombuffer(data, BFLOAT16).reshape(shape)
