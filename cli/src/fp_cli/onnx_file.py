"""The signature of an ONNX file, read from it, so that it need not be written by hand."""

from collections.abc import Sequence
from pathlib import Path

from forgepoint.common.v1 import model_pb2 as pb
from fp_kernel import invalid
from fp_kernel.signatures import DYNAMIC
from fp_kernel.warm_ups import read_samples
from fp_onnx import Unreadable, declared, pack, read_artifact, read_model, refusal, with_warm_up
from fp_rpc.signatures import spec_to_pb

from fp_cli.reading import text_of


def artifact_of(file: Path) -> bytes:
    """The file, or a bundle of it and of the files beside it that hold its weights.

    Raises InvalidArgument when one of them is not there.
    """
    content = file.read_bytes()
    try:
        beside = {name: file.parent / name for name in read_model([content], with_nodes=False).files if name}
    except Unreadable:
        return content
    missing = sorted(name for name, path in beside.items() if not path.is_file())
    if missing:
        raise invalid("file", f"has weights in {missing[0]}, which does not lie beside it")
    try:
        return pack(content, beside) if beside else content
    except Unreadable as error:
        raise invalid("file", f"cannot be bundled: {error}") from None


def with_samples(content: bytes, file: Path) -> bytes:
    """A bundle of the model and the samples in the file. Raises InvalidArgument for samples that do not fit it."""
    samples = text_of(file, "warm_up").encode()
    try:
        read_samples(samples, declared(read_artifact([content]).model).inputs)
        return with_warm_up(content, samples)
    except Unreadable as error:
        raise invalid("file", f"is not an ONNX model: {error}") from None


def signature(content: bytes, columns: Sequence[str]) -> pb.Signature:
    """The model's inputs and outputs; `columns` names the features along the last axis of its only input.

    Raises InvalidArgument when the file is no ONNX model, cannot be served, or the columns do not fit.
    """
    try:
        artifact = read_artifact([content])
    except Unreadable as error:
        raise invalid("file", f"is not an ONNX model: {error}") from None
    flaw = refusal(artifact.model, artifact.files)
    if flaw:
        raise invalid("file", f"cannot be served: it {flaw}")
    found = declared(artifact.model)
    inputs = [spec_to_pb(spec) for spec in found.inputs]
    if columns:
        _name([tensor for tensor in inputs if not tensor.optional], columns)
    return pb.Signature(inputs=inputs, outputs=map(spec_to_pb, found.outputs))


def _name(inputs: Sequence[pb.SignatureTensor], columns: Sequence[str]) -> None:
    if len(inputs) != 1:
        raise invalid("columns", "need a model with one input")
    width = inputs[0].shape[-1] if inputs[0].shape else 1
    if width not in (DYNAMIC, len(columns)):
        raise invalid("columns", f"are {len(columns)}; the input {inputs[0].name} has {width}")
    inputs[0].columns.extend(pb.SignatureColumn(name=name) for name in columns)
