"""What the platform will serve of an ONNX file, before it is uploaded."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fp_kernel import invalid
from fp_kernel.signatures import DYNAMIC, Signature, TensorSpec
from fp_onnx import Model, Unreadable, declared, read_artifact, refusal
from fp_onnx.batching.row_wise import is_row_wise, mixing


@dataclass(frozen=True, slots=True)
class Check:
    """refusal: why the platform would refuse it, else empty. left_out: outputs that are served to nobody.
    shares: whether callers may share a run; if not, why says what is in the way.
    """

    refusal: str
    signature: Signature
    left_out: tuple[str, ...]
    shares: bool
    why: str


def check(content: bytes) -> Check:
    """Raises InvalidArgument when the file is no ONNX model."""
    try:
        artifact = read_artifact([content])
    except Unreadable as error:
        raise invalid("file", f"is not an ONNX model: {error}") from None
    model = artifact.model
    found = declared(model)
    served = [spec.name for spec in found.outputs]
    left_out = tuple(name for name in model.graph.outputs if name not in served)
    why = _obstacle(model, found)
    flaw = refusal(model, artifact.files)
    return Check(f"it {flaw}" if flaw else "", found, left_out, not why, why)


def document(found: Check) -> dict[str, Any]:
    """For programs."""
    return {
        "served": not found.refusal,
        "refusal": found.refusal,
        "inputs": [_spec(spec) for spec in found.signature.inputs],
        "outputs": [_spec(spec) for spec in found.signature.outputs],
        "left_out": list(found.left_out),
        "shares_runs": found.shares,
        "why_not": found.why,
    }


def tensors(found: Check) -> Iterator[Mapping[str, Any]]:
    """A line for each tensor, for people."""
    for role, specs in (("input", found.signature.inputs), ("output", found.signature.outputs)):
        for spec in specs:
            note = "has a default, may be left out" if spec.optional else _columns(spec)
            yield {"tensor": spec.name, "role": role, "type": spec.element.value, "shape": _shape(spec), "note": note}
    for name in found.left_out:
        yield {
            "tensor": name,
            "role": "output",
            "type": "",
            "shape": "",
            "note": "no tensor and becomes none: left out",
        }


def _obstacle(model: Model, signature: Signature) -> str:
    graph = model.graph
    for spec in (*(each for each in signature.inputs if not each.optional), *signature.outputs):
        if not spec.shape or spec.shape[0] != DYNAMIC:
            return f"the first axis of {spec.name} is fixed"
    names = [spec.name for spec in signature.outputs]
    if is_row_wise(graph, names):
        return ""
    nodes = ", ".join(dict.fromkeys(node.op for node in mixing(graph, names)))
    return f"{nodes or 'something'} may mix rows, or is not known to keep them apart"


def _spec(spec: TensorSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "type": spec.element.value,
        "shape": list(spec.shape),
        "columns": [column.name for column in spec.columns],
        "optional": spec.optional,
    }


def _shape(spec: TensorSpec) -> str:
    return "x".join("any" if axis == DYNAMIC else str(axis) for axis in spec.shape) or "scalar"


def _columns(spec: TensorSpec) -> str:
    names = [column.name for column in spec.columns]
    shown = ", ".join(names[:4])
    return f"columns {shown}{', ...' if len(names) > 4 else ''}" if names else ""  # noqa: PLR2004 -- as many as fit
