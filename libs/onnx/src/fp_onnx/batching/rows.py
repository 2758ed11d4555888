"""What is known of a value in a graph: its rows are kept apart, it is a constant, or nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fp_onnx.graph import Constant, Node


@dataclass(frozen=True, slots=True)
class Rows:
    """A value whose first axis counts rows that are kept apart. tail: the further axes, None for any length."""

    tail: tuple[int | None, ...]

    @property
    def rank(self) -> int:
        return 1 + len(self.tail)


# None: mixed, or not known to be apart.
Value = Rows | Constant | None


@dataclass(frozen=True, slots=True)
class Step:
    """One operator at work. given: what is known of its inputs. opset: of the standard operators."""

    node: Node
    given: Sequence[Value]
    opset: int


Rule = Callable[[Step], Value]


def number(node: Node, name: str, default: int) -> int | None:
    found = node.attributes.get(name, default)
    return found if isinstance(found, int) else None


def axis(place: int | None, rank: int) -> int | None:
    """Counted from the front; None when it is the first one or unknown."""
    if place is None:
        return None
    at = place + rank if place < 0 else place
    return at if 0 < at < rank else None


def axes(node: Node, given: Sequence[Value], rank: int) -> list[int] | None:
    """Of an attribute, or of the second input; None when they are unknown, none, or the first axis is among them."""
    given_axes = node.attributes.get("axes")
    if given_axes is None and len(given) > 1 and isinstance(given[1], Constant):
        given_axes = given[1].values
    if not isinstance(given_axes, tuple) or not given_axes:
        return None
    found = [axis(each, rank) for each in given_axes]
    return None if None in found else [each for each in found if each is not None]


def rest(given: Sequence[Value]) -> bool:
    """Whether all but the first are constants."""
    return all(isinstance(value, Constant) for value in given[1:])


def without(rows: Rows, places: Sequence[int], *, keepdims: bool) -> Rows:
    tail: list[int | None] = []
    for at, size in enumerate(rows.tail, 1):
        if at not in places:
            tail.append(size)
        elif keepdims:
            tail.append(1)
    return Rows(tuple(tail))
