"""Tensors of the protocol: its names of types, flat or nested JSON, or bytes as they go on the wire."""

from collections.abc import Mapping
from typing import Any, Final

from forgepoint.inference.v1 import inference_pb2 as pb
from fp_kernel import invalid

from fp_gateway.http import tensors

DATATYPES: Final[Mapping[str, pb.DataType.ValueType]] = {
    "BOOL": pb.DATA_TYPE_BOOL,
    "INT32": pb.DATA_TYPE_INT32,
    "INT64": pb.DATA_TYPE_INT64,
    "FP32": pb.DATA_TYPE_FLOAT32,
    "FP64": pb.DATA_TYPE_FLOAT64,
    "BYTES": pb.DATA_TYPE_STRING,
}
_NAMES: Final[Mapping[int, str]] = {number: name for name, number in DATATYPES.items()}


def datatype(number: int) -> str:
    """The protocol's name of an element type; empty for one that nobody declared."""
    return _NAMES.get(number, "")


def read(document: Mapping[str, Any], field: str, blob: bytes | None) -> pb.TensorData:
    """blob: the tensor's bytes, where they came behind the document. Raises InvalidArgument naming the field."""
    dtype = DATATYPES.get(str(document.get("datatype")))
    if dtype is None:
        raise invalid(f"{field}.datatype", f"must be one of {', '.join(sorted(DATATYPES))}")
    shape = tensors.shape_of(document, field)
    if blob is not None:
        if "data" in document:
            raise invalid(f"{field}.data", "is there twice, as JSON and as bytes")
        return pb.TensorData(shape=shape, dtype=dtype, data=blob)
    data = document.get("data")
    if not isinstance(data, list):
        raise invalid(f"{field}.data", "must be an array")
    return tensors.packed(data, shape, dtype, field)


def describe(name: str, tensor: pb.TensorData) -> dict[str, Any]:
    """The tensor without its data."""
    return {"name": name, "datatype": datatype(tensor.dtype), "shape": list(tensor.shape)}
