"""Tensors of requests and answers in plain JSON."""

import base64
from typing import Any, Final

from forgepoint.inference.v1 import inference_pb2 as pb
from fp_kernel import invalid
from fp_kernel.packing import pack
from fp_kernel.tensors import ElementType, Tensor
from fp_oip.tensors import TENSORS, shape_of, unpacked

_PREFIX: Final = "DATA_TYPE_"


def from_json(document: Any, field: str) -> pb.TensorData:
    """Read `{"dtype": "FLOAT32", "shape": [1, 3], "data": [...]}`.

    data: values, nested as deep as the shape or flat, or base64 of the bytes. shape: may be left out for nested data.
    Raises InvalidArgument naming the field below `field`.
    """
    if not isinstance(document, dict):
        raise invalid(field, "must be an object with dtype, shape and data")
    element = _element(document.get("dtype", "FLOAT32"), f"{field}.dtype")
    data = document.get("data")
    if isinstance(data, str):
        shape = tuple(shape_of(document, field))
        return TENSORS.to_pb(Tensor(element, shape, _base64(data, f"{field}.data")))
    if not isinstance(data, list):
        raise invalid(f"{field}.data", "must be an array or base64")
    shape_given = shape_of(document, field) if "shape" in document else None
    return TENSORS.to_pb(pack(data, element, f"{field}.data", shape_given))


def to_json(tensor: pb.TensorData) -> dict[str, Any]:
    return {
        "dtype": pb.DataType.Name(tensor.dtype).removeprefix(_PREFIX),
        "shape": list(tensor.shape),
        "data": unpacked(tensor),
    }


def _element(name: Any, field: str) -> ElementType:
    plain = str(name).removeprefix(_PREFIX)
    if plain not in ElementType.__members__:
        raise invalid(field, f"must be one of {', '.join(sorted(ElementType.__members__))}")
    return ElementType[plain]


def _base64(text: str, field: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        # Also binascii.Error, and the error for a character that is not ASCII.
        raise invalid(field, "is not base64") from None
