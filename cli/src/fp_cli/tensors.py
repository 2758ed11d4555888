"""Tensors as people type them."""

import json
import math
import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from forgepoint.inference.v1 import inference_pb2 as pb
from fp_kernel import invalid

from fp_cli.reading import text_of

_CODES: Final[Mapping[int, str]] = {
    pb.DATA_TYPE_FLOAT32: "f",
    pb.DATA_TYPE_FLOAT64: "d",
    pb.DATA_TYPE_INT32: "i",
    pb.DATA_TYPE_INT64: "q",
    pb.DATA_TYPE_BOOL: "B",
}
_LENGTH: Final = 4


def read(values: Sequence[str], file: Path | None) -> dict[str, Any]:
    """Arrays by tensor name, from `--input name=JSON` and a file. Raises InvalidArgument."""
    found: dict[str, Any] = {}
    if file is not None:
        document = _json(text_of(file), "file")
        if not isinstance(document, dict):
            raise invalid("file", "must hold an object of arrays by tensor name")
        found |= document
    for value in values:
        name, separator, text = value.partition("=")
        if not separator or not name:
            raise invalid("input", f"{value!r} is not tensor=JSON")
        found[name] = _json(text, f"input {name}")
    if not found:
        raise invalid("input", "is needed: --input tensor=[[...]] or --file")
    return found


def encode(arrays: Mapping[str, Any], specs: Sequence[pb.TensorSpec]) -> dict[str, pb.TensorData]:
    """Arrays as tensors of the types the model declares; a missing row axis is added."""
    by_name = {spec.name: spec for spec in specs}
    unknown = arrays.keys() - by_name.keys()
    if unknown:
        raise invalid(f"inputs[{min(unknown)}]", f"is not an input; the model takes {', '.join(sorted(by_name))}")
    return {name: _tensor(value, by_name[name]) for name, value in arrays.items()}


def _tensor(value: Any, spec: pb.TensorSpec) -> pb.TensorData:
    shape = list(_shape(value))
    flat = list(_flatten(value))
    if len(flat) != math.prod(shape):
        raise invalid(f"inputs[{spec.name}]", f"has rows of different lengths; the first is of shape {shape}")
    if len(shape) == len(spec.shape) - 1:
        shape = [1, *shape]
    try:
        data = _pack(flat, spec.dtype)
    except (TypeError, ValueError, OverflowError, KeyError) as error:
        name = pb.DataType.Name(spec.dtype).removeprefix("DATA_TYPE_")
        raise invalid(f"inputs[{spec.name}]", f"cannot be read as {name}: {error}") from None
    return pb.TensorData(shape=shape, dtype=spec.dtype, data=data)


def decode(tensor: pb.TensorData) -> Any:
    """A tensor as nested lists."""
    if tensor.dtype == pb.DATA_TYPE_STRING:
        flat: Sequence[Any] = list(_strings(tensor.data))
    else:
        values = array(_CODES[tensor.dtype])
        values.frombytes(tensor.data)
        if sys.byteorder == "big":
            values.byteswap()
        flat = values.tolist()
    return _nest(flat, list(tensor.shape))


def _json(text: str, field: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise invalid(field, f"is not JSON: {error}") from None
    except RecursionError:
        raise invalid(field, "is nested too deeply") from None


def _shape(value: Any) -> Iterator[int]:
    while isinstance(value, list):
        yield len(value)
        value = value[0] if value else None


def _flatten(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _flatten(item)
    else:
        yield value


def _pack(values: Sequence[Any], dtype: int) -> bytes:
    if dtype == pb.DATA_TYPE_STRING:
        encoded = [str(value).encode() for value in values]
        return b"".join(len(text).to_bytes(_LENGTH, "little") + text for text in encoded)
    packed = array(_CODES[dtype], values)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _strings(data: bytes) -> Iterator[str]:
    position = 0
    while position < len(data):
        start = position + _LENGTH
        end = start + int.from_bytes(data[position:start], "little")
        yield data[start:end].decode()
        position = end


def _nest(flat: Sequence[Any], shape: Sequence[int]) -> Any:
    if len(shape) <= 1:
        return list(flat) if shape else flat[0]
    step = len(flat) // shape[0] if shape[0] else 0
    return [_nest(flat[index * step : (index + 1) * step], shape[1:]) for index in range(shape[0])]
