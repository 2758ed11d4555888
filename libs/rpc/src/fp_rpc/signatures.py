"""Declared signatures in messages."""

from forgepoint.common.v1 import model_pb2
from fp_kernel.signatures import UNDECLARED, Column, Signature, TensorSpec

from fp_rpc.tensors import ELEMENTS, TENSOR_TYPES


def signature_from_pb(signature: model_pb2.Signature) -> Signature:
    """A tensor of unknown type makes the whole signature undeclared: the runtime checks then."""
    tensors = (*signature.inputs, *signature.outputs)
    if any(tensor.type not in ELEMENTS for tensor in tensors):
        return UNDECLARED
    return Signature(tuple(map(_spec, signature.inputs)), tuple(map(_spec, signature.outputs)))


def signature_to_pb(signature: Signature) -> model_pb2.Signature:
    return model_pb2.Signature(inputs=map(spec_to_pb, signature.inputs), outputs=map(spec_to_pb, signature.outputs))


def spec_to_pb(spec: TensorSpec) -> model_pb2.SignatureTensor:
    columns = [model_pb2.SignatureColumn(name=column.name, categories=column.categories) for column in spec.columns]
    return model_pb2.SignatureTensor(
        name=spec.name, type=TENSOR_TYPES[spec.element], shape=spec.shape, columns=columns, optional=spec.optional
    )


def _spec(tensor: model_pb2.SignatureTensor) -> TensorSpec:
    columns = tuple(Column(column.name, tuple(column.categories)) for column in tensor.columns)
    return TensorSpec(tensor.name, ELEMENTS[tensor.type], tuple(tensor.shape), columns, tensor.optional)
