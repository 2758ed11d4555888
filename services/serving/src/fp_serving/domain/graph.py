"""A model's graph as far as its rows matter: operators, their wiring, and constants that are shapes or axes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Attribute = int | float | bytes | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Constant:
    """dims: None when unknown. values: of small constants of whole numbers, else None."""

    dims: tuple[int, ...] | None = None
    values: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """inputs: an empty name is an optional input that is left out. constant: the value of a `Constant`."""

    domain: str
    op: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    attributes: Mapping[str, Attribute]
    constant: Constant | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """inputs: shapes by name, None for an axis of any length. opset: of the standard operators."""

    inputs: Mapping[str, tuple[int | None, ...]]
    constants: Mapping[str, Constant]
    nodes: Sequence[Node]
    opset: int
