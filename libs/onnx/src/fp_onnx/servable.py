"""Reasons why the runtime cannot serve a model, in words for its maker."""

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from fp_kernel.signatures import MAX_INPUTS
from fp_kernel.tensors import MAX_BYTES, MAX_RANK, ONNX_TYPES, ElementType

from fp_onnx.graph import NO_TENSOR, UNKNOWN, Form, Graph, Model, TensorInfo

# Of the runtime that `serving` installs; its tests fail when an upgrade changes them.
NEWEST_IR_VERSION: Final = 13
NEWEST_OPSETS: Final[Mapping[str, int]] = {"": 26, "ai.onnx.ml": 5, "com.microsoft": 1}
# Domains of the runtime that no exporter writes; their versions are not checked.
_INTERNAL_DOMAINS: Final = frozenset(
    {"ai.onnx.preview", "ai.onnx.preview.training", "ai.onnx.training", "com.microsoft.experimental"}
    | {"com.microsoft.nchwc", "com.ms.internal.nhwc", "org.pytorch.aten"}
)
MAX_FILE_BYTES: Final = 2**31 - 1
"""No protobuf message, and so no ONNX file, is larger."""

_ELEMENTS: Final = frozenset(ONNX_TYPES.values())
_ELEMENT_NAMES: Final[Mapping[int, str]] = {
    NO_TENSOR: "no tensor",
    14: "complex64",
    15: "complex128",
    17: "float8e4m3fn",
    18: "float8e4m3fnuz",
    19: "float8e5m2",
    20: "float8e5m2fnuz",
    21: "uint4",
    22: "int4",
    23: "float4e2m1",
}
_ZIP_MAP: Final = ("ai.onnx.ml", "ZipMap")


def refusal(model: Model, beside: Collection[str] = ()) -> str:
    """Why no runtime could serve the model, as the rest of a sentence that begins with `it`; empty when it may.

    beside: files that lie beside it in a bundle.
    No refusal where the file does not say: a type that is left out, an operator that a known domain lacks.
    """
    return next(_flaws(model, beside), "")


def _flaws(model: Model, beside: Collection[str]) -> Iterator[str]:
    missing = model.files - set(beside)
    if missing:
        places = ", ".join(sorted(filter(None, missing))[:3])
        yield f"stores weights in another file ({places or 'without a name'}); `fp models register` bundles both"
    if model.ir_version > NEWEST_IR_VERSION:
        yield f"is of ONNX IR version {model.ir_version}, the runtime reads up to {NEWEST_IR_VERSION}"
    for domain, version in sorted(model.opsets.items()):
        newest = NEWEST_OPSETS.get(domain, version)
        if version > newest:
            name = domain or "ai.onnx"
            yield f"needs opset {version} of {name}, the runtime has up to {newest}; export it with that one"
    for domain, op in sorted(model.operators - model.functions):
        if domain not in NEWEST_OPSETS and domain not in _INTERNAL_DOMAINS:
            yield f"uses the operator {op} of {domain}, a domain that the runtime lacks"
    yield from _inputs(model)
    if _texts_beside_bfloat16(model.graph):
        yield "takes texts beside bfloat16, which the runtime cannot run together"
    if not any(_answers(model, info) for info in model.graph.outputs.values()):
        yield "has no output that is a tensor of a type that is served, or becomes one as the maps of ZipMap do"


def _texts_beside_bfloat16(graph: Graph) -> bool:
    asked = {info.element for info in graph.inputs.values()}
    edge = asked | {info.element for info in graph.outputs.values()}
    return ONNX_TYPES[ElementType.STRING] in asked and ONNX_TYPES[ElementType.BFLOAT16] in edge


def _inputs(model: Model) -> Iterator[str]:
    asked = {name: info for name, info in model.graph.inputs.items() if name not in model.graph.constants}
    if not asked:
        yield "takes no input"
    if len(asked) > MAX_INPUTS:
        yield f"takes {len(asked)} tensors, at most {MAX_INPUTS} are served; pack columns of one type into one tensor"
    for name, info in asked.items():
        flaw = _input(info)
        if flaw:
            yield f"takes {name!r}, {flaw}"


def _answers(model: Model, info: TensorInfo) -> bool:
    if info.form is Form.MAPS and _ZIP_MAP not in model.operators:
        return False
    return info.element in _ELEMENTS or info.element == UNKNOWN


def _input(info: TensorInfo) -> str:
    if info.form is not Form.TENSOR:
        return "no tensor that is served"
    if info.element not in _ELEMENTS and info.element != UNKNOWN:
        return f"a {_ELEMENT_NAMES.get(info.element, 'type')} that is not served".replace("a no", "no")
    if info.shape is None:
        return ""
    if len(info.shape) > MAX_RANK:
        return f"a tensor of {len(info.shape)} axes; at most {MAX_RANK} are served"
    # An element has a byte at least, and an axis of any length may be 1.
    least = math.prod(axis or 1 for axis in info.shape)
    if least > MAX_BYTES:
        return f"a tensor of {least} elements; one of more than {MAX_BYTES} bytes is not served"
    return ""
