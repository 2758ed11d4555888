"""Operators that compute, and when they keep rows apart."""

import math
from collections.abc import Sequence

from fp_onnx.batching.rows import Rows, Step, Value, axes, axis, number, rest, without
from fp_onnx.graph import CATEGORIES, Constant

ALONG = {"Softmax": 1, "LogSoftmax": 1, "Hardmax": 1, "LpNormalization": -1, "LayerNormalization": -1}
_SINCE_13 = frozenset({"Softmax", "LogSoftmax", "Hardmax"})
_ANY: tuple[int | None, ...] = (None,)
_OPSET_13 = 13


def unary(step: Step) -> Value:
    return step.given[0] if len(step.given) == 1 else None


def first(step: Step) -> Value:
    """As the first one, beside parameters."""
    return step.given[0] if rest(step.given) else None


def broadcast(step: Step) -> Value:
    rows = [value for value in step.given if isinstance(value, Rows)]
    if not rows or "broadcast" in step.node.attributes:
        return None
    # Of unequal ranks the rows of one would meet a further place of the other.
    rank = rows[0].rank
    if any(each.rank != rank for each in rows):
        return None
    if not all(isinstance(value, Rows) or _small(value, rank) for value in step.given):
        return None
    return Rows(tuple(_wider(sizes) for sizes in zip(*(_tail(value, rank) for value in step.given), strict=True)))


def _small(value: Value, rank: int) -> bool:
    """A constant that is the same for every row when it meets a value of this rank."""
    if not isinstance(value, Constant) or value.dims is None:
        return False
    return len(value.dims) < rank or (len(value.dims) == rank and value.dims[0] == 1)


def _tail(value: Value, rank: int) -> tuple[int | None, ...]:
    if isinstance(value, Rows):
        return value.tail
    dims = value.dims if isinstance(value, Constant) and value.dims is not None else ()
    return ((1,) * rank + tuple(dims))[-rank:][1:] if rank > 1 else ()


def _wider(sizes: Sequence[int | None]) -> int | None:
    known = {size for size in sizes if size != 1}
    return known.pop() if len(known) == 1 else (1 if not known else None)


def reduced(step: Step) -> Value:
    rows = step.given[0]
    if not isinstance(rows, Rows) or not rest(step.given):
        return None
    places = axes(step.node, step.given, rows.rank)
    return without(rows, places, keepdims=number(step.node, "keepdims", 1) != 0) if places else None


def best(step: Step) -> Value:
    rows = step.given[0]
    place = axis(number(step.node, "axis", 0), rows.rank) if isinstance(rows, Rows) else None
    if not isinstance(rows, Rows) or place is None:
        return None
    return without(rows, [place], keepdims=number(step.node, "keepdims", 1) != 0)


def along(step: Step) -> Value:
    rows = step.given[0]
    default = -1 if step.node.op in _SINCE_13 and step.opset >= _OPSET_13 else ALONG[step.node.op]
    if (
        not isinstance(rows, Rows)
        or not rest(step.given)
        or axis(number(step.node, "axis", default), rows.rank) is None
    ):
        return None
    return rows


def top(step: Step) -> Value:
    rows = step.given[0]
    place = axis(number(step.node, "axis", -1), rows.rank) if isinstance(rows, Rows) else None
    if not isinstance(rows, Rows) or place is None or not rest(step.given):
        return None
    return Rows(tuple(None if at == place else size for at, size in enumerate(rows.tail, 1)))


def product(step: Step) -> Value:
    left, right = step.given[:2]
    if not all(_scalar(value) for value in step.given[2:]):
        return None
    if isinstance(left, Rows) and isinstance(right, Constant):
        if right.dims is None or not 1 <= len(right.dims) <= 2 or left.rank < 2:  # noqa: PLR2004 -- a matrix
            return None
        return Rows((*left.tail[:-1], *right.dims[1:]))
    if isinstance(left, Rows) and isinstance(right, Rows) and left.rank == right.rank > 2:  # noqa: PLR2004 -- stacks
        # Matrices of the same row; of two plain matrices every row would meet every other.
        return Rows((*left.tail[:-1], right.tail[-1]))
    return None


def _scalar(value: Value) -> bool:
    return isinstance(value, Constant) and value.dims is not None and math.prod(value.dims) == 1


def gemm(step: Step) -> Value:
    left, right = step.given[:2]
    if not isinstance(left, Rows) or left.rank != 2 or number(step.node, "transA", 0) != 0:  # noqa: PLR2004 -- a matrix
        return None
    if not isinstance(right, Constant) or not all(_small(value, 2) or _matrix(value) for value in step.given[2:]):
        return None
    width = None
    if right.dims is not None and len(right.dims) == 2:  # noqa: PLR2004 -- a matrix
        width = right.dims[0] if number(step.node, "transB", 0) else right.dims[1]
    return Rows((width,))


def _matrix(value: Value) -> bool:
    """Rows of a matrix: what is added to a row is of the same row."""
    return isinstance(value, Rows) and value.rank == 2  # noqa: PLR2004


def quantized(step: Step) -> Value:
    """By one scale for all, or one for each element of a further axis."""
    rows = step.given[0]
    if not isinstance(rows, Rows) or not rest(step.given):
        return None
    along = axis(number(step.node, "axis", 1), rows.rank) is not None
    return rows if along or all(_scalar(value) for value in step.given[1:]) else None


def normalized(step: Step) -> Value:
    """By kept statistics; in training mode they are those of the batch."""
    training = number(step.node, "training_mode", 0) != 0 or len([name for name in step.node.outputs if name]) > 1
    spatial = number(step.node, "spatial", 1) == 1
    rows = step.given[0]
    apart = isinstance(rows, Rows) and rows.rank > 1 and rest(step.given)
    return rows if apart and not training and spatial else None


def image(step: Step) -> Value:
    rows = step.given[0]
    if not isinstance(rows, Rows) or rows.rank < 3 or not rest(step.given):  # noqa: PLR2004 -- rows, channels, places
        return None
    if step.node.op in {"InstanceNormalization", "LRN"}:
        return rows
    return Rows((None,) * len(rows.tail))


def table(step: Step) -> Value:
    """A matrix of features in, a matrix of targets or scores out."""
    rows = step.given[0]
    return Rows(_ANY) if isinstance(rows, Rows) and rows.rank == 2 and len(step.given) == 1 else None  # noqa: PLR2004


def encoded(step: Step) -> Value:
    rows = step.given[0]
    if not isinstance(rows, Rows) or len(step.given) != 1:
        return None
    categories = number(step.node, CATEGORIES, 0) or None
    return Rows((*rows.tail, categories))


def matrix(step: Step) -> Value:
    rows = step.given[0]
    return rows if isinstance(rows, Rows) and rows.rank == 2 and len(step.given) == 1 else None  # noqa: PLR2004


def dropped(step: Step) -> Value:
    """Nothing is dropped unless a third input says that the model is trained."""
    return step.given[0] if len(step.given) < 3 and rest(step.given) else None  # noqa: PLR2004 -- data, ratio, training mode
