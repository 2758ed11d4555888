"""The signature of an ONNX file, read from it, so that it need not be written by hand."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from forgepoint.common.v1 import model_pb2 as pb
from fp_kernel import invalid
from fp_kernel.tensors import ONNX_TYPES

# A model with another type at its edge is not servable.
_TYPES: Final[Mapping[int, pb.TensorType.ValueType]] = {
    number: pb.TensorType.Value(f"TENSOR_TYPE_{element.name}") for element, number in ONNX_TYPES.items()
}
DYNAMIC: Final = -1


def signature(content: bytes, columns: Sequence[str]) -> pb.Signature:
    """The model's inputs and outputs; `columns` names the features along the last axis of its only input.

    Raises InvalidArgument when the file is no ONNX model, has other types at its edge, or the columns do not fit.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load_model_from_string(content).graph
    except DecodeError:
        raise invalid("file", "is not an ONNX model") from None
    weights = {initializer.name for initializer in graph.initializer}
    inputs = [_tensor(value) for value in graph.input if value.name not in weights]
    # Sequences and maps (such as ZipMap's) are not tensors and are not served.
    outputs = [_tensor(value) for value in graph.output if value.type.HasField("tensor_type")]
    if not inputs or not outputs:
        raise invalid("file", "has no tensor to take or none to give")
    if columns:
        _name(inputs, columns)
    return pb.Signature(inputs=inputs, outputs=outputs)


def _tensor(value: Any) -> pb.SignatureTensor:
    tensor = value.type.tensor_type
    if tensor.elem_type not in _TYPES:
        raise invalid("file", f"the tensor {value.name} has a type that cannot be served")
    shape = [size.dim_value if size.HasField("dim_value") else DYNAMIC for size in tensor.shape.dim]
    return pb.SignatureTensor(name=value.name, type=_TYPES[tensor.elem_type], shape=shape)


def _name(inputs: Sequence[pb.SignatureTensor], columns: Sequence[str]) -> None:
    if len(inputs) != 1:
        raise invalid("columns", "need a model with one input")
    width = inputs[0].shape[-1] if inputs[0].shape else 1
    if width not in (DYNAMIC, len(columns)):
        raise invalid("columns", f"are {len(columns)}; the input {inputs[0].name} has {width}")
    inputs[0].columns.extend(pb.SignatureColumn(name=name) for name in columns)
