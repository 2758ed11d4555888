"""The tensors of a model as a version declares them, and how what is no tensor becomes one."""

import math
from collections.abc import Iterator, Mapping
from typing import Final

from fp_kernel.signatures import DYNAMIC, Column, Signature, TensorSpec
from fp_kernel.tensors import ONNX_TYPES, ElementType

from fp_onnx.graph import Form, Graph, Model, TensorInfo

MOST_DEFAULT: Final = 64
"""Elements of a default that a request may replace; larger ones are weights that an exporter listed as inputs."""

_SINCE: Final = 4
_ELEMENTS: Final[Mapping[int, ElementType]] = {number: element for element, number in ONNX_TYPES.items()}


def declared(model: Model) -> Signature:
    """Inputs, those with a default behind the others, and outputs that are served; of a model read with its nodes."""
    graph = model.graph
    asked = {name: info for name, info in graph.inputs.items() if name not in graph.constants}
    optional = {name: info for name, info in graph.inputs.items() if _replaceable(model, name)}
    inputs = (*_specs(graph, asked), *_specs(graph, optional, optional=True))
    return Signature(inputs, tuple(_specs(graph, graph.outputs)))


def map_columns(graph: Graph, output: str) -> tuple[str, ...]:
    """The columns of the tensor that a sequence of maps becomes: the keys of each map in their order.

    Empty when the graph does not say them: only ZipMap does, the operator that converters put behind classifiers.
    """
    node = next((node for node in graph.nodes if output in node.outputs), None)
    if node is None or (node.domain, node.op) != ("ai.onnx.ml", "ZipMap"):
        return ()
    numbers = node.attributes.get("classlabels_int64s")
    return tuple(node.labels) or (tuple(map(str, numbers)) if isinstance(numbers, tuple) else ())


def _specs(graph: Graph, infos: Mapping[str, TensorInfo], *, optional: bool = False) -> Iterator[TensorSpec]:
    for name, info in infos.items():
        element = _ELEMENTS.get(info.element)
        if element is None or info.form is Form.OTHER:
            continue
        shape = tuple(DYNAMIC if axis is None else axis for axis in info.shape or ())
        match info.form:
            case Form.MAPS:
                columns = map_columns(graph, name)
                if columns:
                    yield TensorSpec(name, element, (DYNAMIC, len(columns)), tuple(map(Column, columns)))
            case Form.SEQUENCE:
                yield TensorSpec(name, element, (DYNAMIC, *shape))
            case _:
                yield TensorSpec(name, element, shape, optional=optional)


def _replaceable(model: Model, name: str) -> bool:
    """Whether the runtime takes another value for a constant: one that is listed as an input, since this version."""
    constant = model.graph.constants.get(name)
    if constant is None or constant.dims is None or model.ir_version < _SINCE:
        return False
    return math.prod(constant.dims) <= MOST_DEFAULT
