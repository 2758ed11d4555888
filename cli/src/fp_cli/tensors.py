"""Tensors as people type them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forgepoint.inference.v1 import inference_pb2 as pb
from fp_kernel import invalid
from fp_kernel.packing import nest, pack, unpack
from fp_kernel.tensors import ElementType, Tensor

from fp_cli.reading import text_of


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
    name = pb.DataType.Name(spec.dtype).removeprefix("DATA_TYPE_")
    field = f"inputs[{spec.name}]"
    if name not in ElementType.__members__:
        raise invalid(field, f"is of type {name}, which this command cannot write")
    tensor = pack(value, ElementType[name], field)
    shape = (1, *tensor.shape) if len(tensor.shape) == len(spec.shape) - 1 else tensor.shape
    return pb.TensorData(shape=shape, dtype=spec.dtype, data=tensor.data)


def decode(tensor: pb.TensorData) -> Any:
    """A tensor as nested lists that JSON can write."""
    element = ElementType[pb.DataType.Name(tensor.dtype).removeprefix("DATA_TYPE_")]
    shape = tuple(tensor.shape)
    return nest(unpack(Tensor(element, shape, tensor.data)), shape)


def _json(text: str, field: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise invalid(field, f"is not JSON: {error}") from None
    except RecursionError:
        raise invalid(field, "is nested too deeply") from None
