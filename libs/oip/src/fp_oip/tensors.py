"""Tensors of the protocol: its names of types, flat or nested JSON, or bytes as they go on the wire."""

from collections.abc import Mapping
from typing import Any, Final

from forgepoint.inference.v1 import inference_pb2 as pb
from fp_kernel import invalid
from fp_kernel.packing import pack, unpack
from fp_kernel.tensors import ElementType, Tensor
from fp_rpc.tensors import TensorForm

TENSORS: Final = TensorForm(pb.TensorData, pb.TensorSpec, pb.DataType)
_LARGEST_AXIS: Final = 2**63 - 1
DATATYPES: Final[Mapping[str, ElementType]] = {
    "BOOL": ElementType.BOOL,
    "INT32": ElementType.INT32,
    "INT64": ElementType.INT64,
    "FP32": ElementType.FLOAT32,
    "FP64": ElementType.FLOAT64,
    "BYTES": ElementType.STRING,
    "FP16": ElementType.FLOAT16,
    # Triton's name; the protocol itself has none.
    "BF16": ElementType.BFLOAT16,
    "INT8": ElementType.INT8,
    "INT16": ElementType.INT16,
    "UINT8": ElementType.UINT8,
    "UINT16": ElementType.UINT16,
    "UINT32": ElementType.UINT32,
    "UINT64": ElementType.UINT64,
}
_NAMES: Final[Mapping[int, str]] = {
    pb.DataType.Value(f"DATA_TYPE_{element.name}"): name for name, element in DATATYPES.items()
}


def datatype(number: int) -> str:
    """The protocol's name of an element type; empty for one that nobody declared."""
    return _NAMES.get(number, "")


def read(document: Mapping[str, Any], field: str, blob: bytes | None) -> pb.TensorData:
    """blob: the tensor's bytes, where they came behind the document. Raises InvalidArgument naming the field."""
    element = DATATYPES.get(str(document.get("datatype")))
    if element is None:
        raise invalid(f"{field}.datatype", f"must be one of {', '.join(sorted(DATATYPES))}")
    shape = shape_of(document, field)
    if blob is not None:
        if "data" in document:
            raise invalid(f"{field}.data", "is there twice, as JSON and as bytes")
        return TENSORS.to_pb(Tensor(element, tuple(shape), blob))
    data = document.get("data")
    if not isinstance(data, list):
        raise invalid(f"{field}.data", "must be an array")
    return TENSORS.to_pb(pack(data, element, f"{field}.data", shape))


def describe(name: str, tensor: pb.TensorData) -> dict[str, Any]:
    """The tensor without its data."""
    return {"name": name, "datatype": datatype(tensor.dtype), "shape": list(tensor.shape)}


def unpacked(tensor: pb.TensorData) -> list[Any]:
    """The elements as JSON writes them, flat."""
    return unpack(TENSORS.from_pb(tensor, "outputs"))


def shape_of(document: Mapping[str, Any], field: str) -> list[int]:
    """Raises InvalidArgument naming `<field>.shape`."""
    shape = document.get("shape")
    if not isinstance(shape, list) or not all(type(size) is int and 0 <= size <= _LARGEST_AXIS for size in shape):
        raise invalid(f"{field}.shape", "must be an array of sizes")
    return shape
