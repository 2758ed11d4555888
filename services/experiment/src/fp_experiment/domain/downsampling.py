"""Fewer points of the same shape."""

from collections.abc import Sequence

from fp_experiment.domain.metrics import Point

MIN_POINTS = 2
MAX_POINTS = 5_000


def buckets(limit: int) -> int:
    """How many parts a series is cut into so that two points of each, and its two ends, are at most `limit`."""
    return (limit - 2) // 2


def downsampled(points: Sequence[Point], limit: int) -> list[Point]:
    """At most `limit` points of a series, which is in the order of its steps: all of a short one, else as `thinned`."""
    return list(points) if len(points) <= limit else thinned(points, limit)


def thinned(points: Sequence[Point], limit: int) -> list[Point]:
    """The first and the last point, and the least and the greatest of each of equally wide ranges of steps between.

    A peak is never lost, which an average would do. NaN counts as greater than infinity. SQL does the same for bites of
    a long series: what is left of all bites, thinned once more, is what is left of the whole.
    """
    first, last, parts = points[0], points[-1], buckets(limit)
    chosen = {0, len(points) - 1}
    cut: dict[int, list[int]] = {}
    for index in range(1, len(points) - 1) if parts else ():
        cut.setdefault(_part(points[index].step - first.step, last.step - first.step, parts), []).append(index)
    for members in cut.values():
        chosen.add(min(members, key=lambda index: (_order(points[index].value), index)))
        chosen.add(max(members, key=lambda index: (_order(points[index].value), -index)))
    return [points[index] for index in sorted(chosen)]


def _part(step: int, span: int, parts: int) -> int:
    """In floating point, as SQL: the product of two integers may be more than a bigint holds."""
    return min(int(float(step) * parts / span), parts - 1)


def _order(value: float) -> tuple[bool, float]:
    """Of numbers with NaN behind all of them."""
    return (True, 0.0) if value != value else (False, value)  # noqa: PLR0124 -- only NaN differs from itself
