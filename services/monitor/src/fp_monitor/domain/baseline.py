"""The baseline of a version in its own bins, and the bin of a new value."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from fp_monitor.domain.arrays import Integers, np

SCORE = "score"
LABEL = "label"

Value = float | str | None
Places = Integers


@dataclass(frozen=True, slots=True)
class NumericCells:
    """Bin i holds edges[i-1] < x <= edges[i], the first and the last are open; then one cell for what is missing."""

    edges: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.edges) + 2

    @property
    def ordered(self) -> int:
        """The first so many cells have an order."""
        return len(self.edges) + 1

    def of(self, value: Value) -> int:
        if not isinstance(value, float | int) or math.isnan(value):
            return len(self.edges) + 1
        return bisect_left(self.edges, value)

    def of_all(self, values: Sequence[Value]) -> Places:
        """As `of`, of many values of one kind."""
        if not all(isinstance(value, float | int) for value in values[:1]):
            return np.full(len(values), len(self.edges) + 1)
        numbers = np.asarray(values, dtype=np.float64)
        places = np.searchsorted(np.asarray(self.edges, dtype=np.float64), numbers, side="left")
        return np.where(np.isnan(numbers), len(self.edges) + 1, places)


@dataclass(frozen=True)
class CategoryCells:
    """One cell a label, then one for every other label, then one for what is missing."""

    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels) + 2

    @property
    def ordered(self) -> int:
        return 0

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {label: place for place, label in enumerate(self.labels)}

    def of(self, value: Value) -> int:
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return len(self.labels) + 1
        other = len(self.labels)
        if isinstance(value, str):
            return self._places.get(value, other)
        # A category that nobody named in the signature comes as its number: a whole one has all its digits.
        if float(value).is_integer():
            return self._places.get(f"{value:.0f}", other)
        return self._places.get(f"{value:.15g}", self._places.get(f"{value:g}", other))

    def of_all(self, values: Sequence[Value]) -> Places:
        return np.asarray([self.of(value) for value in values], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Distribution:
    """counts: of the training data, one a cell. importance: share of the model's decision, 0 when unknown."""

    name: str
    cells: NumericCells | CategoryCells
    counts: tuple[int, ...]
    importance: float = 0.0

    def __post_init__(self) -> None:
        if len(self.counts) != len(self.cells):
            raise ValueError(f"{self.name}: {len(self.counts)} counts for {len(self.cells)} cells")

    @property
    def is_empty(self) -> bool:
        return not any(self.counts)


@dataclass(frozen=True)
class Baseline:
    """features: inputs. answers: scores and labels of the model itself on its training data.

    labels: classes, in the order of the output; empty for regression. metrics: held-out values by name.
    """

    version: str
    features: tuple[Distribution, ...]
    answers: tuple[Distribution, ...]
    labels: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)

    def class_of(self, text: str) -> int | None:
        """The class that a text names: a label, or its place as a number; None for neither."""
        if text in self.labels:
            return self.labels.index(text)
        if text.isascii() and text.isdecimal() and int(text) < len(self.labels):
            return int(text)
        return None

    def label_of(self, text: str) -> str:
        """The label that the model's own output names; models often answer the place of the class."""
        place = self.class_of(text)
        return text if place is None else self.labels[place]
