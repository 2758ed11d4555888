"""Operators that move or cut axes, and when they leave the rows alone."""

import math

from fp_onnx.batching.rows import Rows, Step, Value, axes, axis, number, rest, without
from fp_onnx.graph import Constant

_ANY: tuple[int | None, ...] = (None,)


def joined(step: Step) -> Value:
    rows = [value for value in step.given if isinstance(value, Rows)]
    if len(rows) != len(step.given) or len({each.rank for each in rows}) != 1:
        return None
    place = axis(number(step.node, "axis", 1), rows[0].rank)
    if place is None:
        return None
    parts = [each.tail[place - 1] for each in rows]
    total = None if None in parts else sum(size for size in parts if size is not None)
    return Rows(tuple(total if at == place else size for at, size in enumerate(rows[0].tail, 1)))


def cut(step: Step) -> Value:
    rows = step.given[0]
    place = axis(number(step.node, "axis", 0), rows.rank) if isinstance(rows, Rows) else None
    if not isinstance(rows, Rows) or place is None or not rest(step.given):
        return None
    return Rows(tuple(None if at == place else size for at, size in enumerate(rows.tail, 1)))


def sliced(step: Step) -> Value:
    rows = step.given[0]
    if not isinstance(rows, Rows) or not rest(step.given):
        return None
    given_axes = step.node.attributes.get("axes")
    if given_axes is None and len(step.given) > 3 and isinstance(step.given[3], Constant):  # noqa: PLR2004 -- data, starts, ends, places
        given_axes = step.given[3].values
    if not isinstance(given_axes, tuple) or not given_axes:
        return None
    places = [axis(place, rows.rank) for place in given_axes]
    if None in places:
        return None
    return Rows(tuple(None if at in places else size for at, size in enumerate(rows.tail, 1)))


def gathered(step: Step) -> Value:
    data, indices = step.given[:2]
    place = number(step.node, "axis", 0)
    if isinstance(data, Constant) and isinstance(indices, Rows) and place == 0 and data.dims:
        # A table of embeddings: each index finds its own entry.
        return Rows((*indices.tail, *data.dims[1:]))
    found = axis(place, data.rank) if isinstance(data, Rows) else None
    if not isinstance(data, Rows) or found is None or not isinstance(indices, Constant) or indices.dims is None:
        return None
    return Rows((*data.tail[: found - 1], *indices.dims, *data.tail[found:]))


def features(step: Step) -> Value:
    """ArrayFeatureExtractor: columns of the last axis."""
    rows = step.given[0]
    return Rows((*rows.tail[:-1], None)) if isinstance(rows, Rows) and rows.rank > 1 and rest(step.given) else None


def unsqueezed(step: Step) -> Value:
    rows = step.given[0]
    if not isinstance(rows, Rows) or not rest(step.given):
        return None
    given_axes = step.node.attributes.get("axes") or (
        step.given[1].values if len(step.given) > 1 and isinstance(step.given[1], Constant) else None
    )
    places = axes(step.node, step.given, rows.rank + len(given_axes)) if isinstance(given_axes, tuple) else None
    if places is None:
        return None
    tail = list(rows.tail)
    for place in sorted(places):
        tail.insert(place - 1, 1)
    return Rows(tuple(tail))


def squeezed(step: Step) -> Value:
    """Without axes it would take the rows away when there is one."""
    rows = step.given[0]
    places = axes(step.node, step.given, rows.rank) if isinstance(rows, Rows) and rest(step.given) else None
    return without(rows, places, keepdims=False) if isinstance(rows, Rows) and places else None


def flat(step: Step) -> Value:
    rows = step.given[0]
    return Rows((_width(rows),)) if isinstance(rows, Rows) and number(step.node, "axis", 1) == 1 else None


def _width(rows: Rows) -> int | None:
    return None if None in rows.tail else math.prod(size for size in rows.tail if size is not None)


def turned(step: Step) -> Value:
    rows, order = step.given[0], step.node.attributes.get("perm")
    if not isinstance(rows, Rows) or not isinstance(order, tuple) or len(order) != rows.rank or order[0] != 0:
        return None
    return Rows(tuple(rows.tail[at - 1] for at in order[1:]))


def reshaped(step: Step) -> Value:
    """The first axis stays (0), or is what is left (-1) of rows that keep their width."""
    rows, shape = step.given[0], step.given[1] if len(step.given) > 1 else None
    if not isinstance(rows, Rows) or not isinstance(shape, Constant) or not shape.values:
        return None
    first, *tail = shape.values
    if number(step.node, "allowzero", 0) != 0 or 0 in tail:
        return None
    known = tuple(None if size < 0 else size for size in tail)
    if first == 0:
        return Rows(known)
    whole = None if None in known else math.prod(size for size in known if size is not None)
    return Rows(known) if first == -1 and whole is not None and whole == _width(rows) else None


def coded(step: Step) -> Value:
    """OneHot: a further axis, which must not come before the rows."""
    rows = step.given[0]
    if not isinstance(rows, Rows) or not rest(step.given) or axis(number(step.node, "axis", -1), rows.rank + 1) is None:
        return None
    return Rows(_ANY * rows.rank)
