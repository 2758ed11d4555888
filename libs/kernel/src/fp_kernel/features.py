"""The names of the features of a model's inputs, in events of predictions and in baselines.

A tensor that names its columns has their names, one element a row has the tensor's name, and others count as `x[0]`,
`x[1]`, ...
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

MAX_FEATURES = 256
"""So many features of a prediction are published."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a tensor. width: its elements. columns: their names, or none."""

    tensor: str
    width: int
    columns: Sequence[str] = field(default=())

    def names(self, room: int = MAX_FEATURES) -> list[str]:
        """At most `room` of them, in the order of the elements."""
        if len(self.columns) == self.width:
            return list(self.columns[:room])
        if self.width == 1:
            return [self.tensor][:room]
        return [f"{self.tensor}[{place}]" for place in range(min(self.width, room))]


def named(rows: Iterable[Row]) -> list[tuple[Row, list[str]]]:
    """The features of a prediction: narrow tensors first, so that a scalar beside an embedding is not left out."""
    room, found = MAX_FEATURES, []
    for row in sorted(rows, key=lambda each: (each.width, each.tensor)):
        names = row.names(room)
        room -= len(names)
        found.append((row, names))
    return found


def width(shape: Sequence[int], columns: int = 0) -> int | None:
    """Elements of a row, of a declared shape whose first axis counts rows; None when requests decide.

    columns: how many the last axis names, whatever length it declares.
    """
    axes = list(shape[1:])
    if columns and axes:
        axes[-1] = columns
    return None if any(axis < 0 for axis in axes) else math.prod(axes)


def may_name(feature: str, tensor: str) -> bool:
    """Whether a tensor of unknown width without columns may have a feature of this name."""
    if feature == tensor:
        return True
    place = feature.removeprefix(f"{tensor}[").removesuffix("]")
    return place.isascii() and place.isdecimal() and int(place) < MAX_FEATURES and feature == f"{tensor}[{int(place)}]"
