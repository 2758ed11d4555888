"""Counts of a window: mergeable, and as large as the bins, whatever the number of events.

Events are counted in blocks of equal length in the order of their arrival. The blocks show how much neighbours resemble
each other: a week of weather is worth a handful of independent readings, not its thousands of flights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from fp_monitor.domain.arrays import Integers, np
from fp_monitor.domain.baseline import Distribution, Value

MAX_BLOCKS = 32


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """length: events a block, a power of two. blocks: [block, cell]; cells of all distributions side by side."""

    length: int
    blocks: Integers

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Counts):
            return NotImplemented
        return self.length == other.length and np.array_equal(self.blocks, other.blocks)

    __hash__ = None  # type: ignore[assignment]

    @property
    def totals(self) -> Integers:
        return np.asarray(self.blocks.sum(axis=0), dtype=np.int64)


def empty(cells: int) -> Counts:
    return Counts(1, np.zeros((0, cells), dtype=np.int64))


def count(first: int, rows: Integers, cells: int) -> Counts:
    """Counts of consecutive events.

    first: place of the first of them in the window, from 0. rows: [event, distribution], the cells they fall into.
    """
    last = first + len(rows) - 1
    length = 1
    while last // length >= MAX_BLOCKS:
        length *= 2
    blocks = np.zeros((last // length + 1, cells), dtype=np.int64)
    place = (first + np.arange(len(rows))) // length
    np.add.at(blocks, (np.repeat(place, rows.shape[1]), rows.reshape(-1)), 1)
    return Counts(length, blocks)


def merge(left: Counts, right: Counts) -> Counts:
    """Commutative and associative: the order in which replicas count does not matter."""
    length = max(left.length, right.length)
    first, second = _coarsened(left, length), _coarsened(right, length)
    if len(first) < len(second):
        first, second = second, first
    merged = first.copy()
    merged[: len(second)] += second
    return Counts(length, merged)


def _coarsened(counts: Counts, length: int) -> Integers:
    blocks, present = counts.blocks, counts.length
    while present < length:
        if len(blocks) % 2:
            blocks = np.vstack([blocks, np.zeros((1, blocks.shape[1]), dtype=np.int64)])
        blocks = blocks[0::2] + blocks[1::2]
        present *= 2
    return np.asarray(blocks, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the cells of each distribution lie."""

    distributions: tuple[Distribution, ...]
    offsets: tuple[int, ...]
    cells: int

    def row(self, values: Sequence[Value]) -> list[int]:
        """The cells of one event; values in the order of the distributions."""
        return [
            offset + distribution.cells.of(value)
            for offset, distribution, value in zip(self.offsets, self.distributions, values, strict=True)
        ]

    def rows(self, columns: Sequence[Sequence[Value]]) -> Integers:
        """The cells of many events: [event, distribution]; columns: the values of each distribution."""
        places = [
            offset + distribution.cells.of_all(column)
            for offset, distribution, column in zip(self.offsets, self.distributions, columns, strict=True)
        ]
        return np.stack(places, axis=1)

    def of(self, counts: Counts, index: int) -> Integers:
        """The blocks of one distribution."""
        offset = self.offsets[index]
        return counts.blocks[:, offset : offset + len(self.distributions[index].cells)]


def layout(distributions: tuple[Distribution, ...]) -> Layout:
    sizes = [len(distribution.cells) for distribution in distributions]
    return Layout(distributions, tuple(accumulate(sizes, initial=0))[:-1], sum(sizes))
