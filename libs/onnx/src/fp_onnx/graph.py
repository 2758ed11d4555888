"""An ONNX model as far as it decides what can be served and which rows depend on which."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum, auto

Attribute = int | float | bytes | tuple[int, ...]

UNKNOWN = 0
"""The element type of a tensor whose maker left it out."""
NO_TENSOR = -1
"""In the place of an element type: neither a tensor nor anything that becomes one."""


CATEGORIES = "categories"
"""An attribute of our own: how many an OneHotEncoder tells apart, where that is known."""


class Form(Enum):
    """What a value is. MAPS: a sequence of maps from a key to a number, one for each row. OTHER: a map by itself, an
    optional, a sparse tensor, anything that is nested deeper.
    """

    TENSOR = auto()
    SEQUENCE = auto()
    MAPS = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Constant:
    """dims: None when unknown. values: of small constants of whole numbers, else None."""

    dims: tuple[int, ...] | None = None
    values: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """element: the number of `TensorProto.DataType`, UNKNOWN or NO_TENSOR; of a map that of its values.
    shape: None when unknown; an axis of any length is None. Of a sequence that of each tensor in it.
    """

    element: int = UNKNOWN
    shape: tuple[int | None, ...] | None = None
    form: Form = Form.TENSOR


@dataclass(frozen=True, slots=True)
class Node:
    """inputs: an empty name is an optional input that is left out. constant: the value of a `Constant`.
    labels: of a classifier whose classes have names.
    """

    domain: str
    op: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    attributes: Mapping[str, Attribute]
    constant: Constant | None = None
    labels: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """inputs: what a request brings and what a constant is the default of. opset: of the standard operators.
    nodes: empty where they were not wanted.
    """

    inputs: Mapping[str, TensorInfo]
    outputs: Mapping[str, TensorInfo]
    constants: Mapping[str, Constant]
    nodes: Sequence[Node]
    opset: int


@dataclass(frozen=True, slots=True)
class Model:
    """opsets: versions by domain; the standard operators are of the domain "".
    operators: domain and name of every operator of the graph and of the graphs inside it.
    functions: domain and name of what the file defines itself.
    files: where weights lie that are not in this file.
    """

    ir_version: int
    opsets: Mapping[str, int]
    operators: AbstractSet[tuple[str, str]]
    functions: AbstractSet[tuple[str, str]]
    files: AbstractSet[str]
    graph: Graph
