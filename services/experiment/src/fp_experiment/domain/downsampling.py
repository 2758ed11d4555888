"""Fewer points of the same shape."""

from collections.abc import Sequence

from fp_experiment.domain.metrics import Point

MIN_POINTS = 2
MAX_POINTS = 5_000


def buckets(limit: int) -> int:
    """How many parts a series is cut into so that two points of each, and its two ends, are at most `limit`."""
    return (limit - 2) // 2


def downsampled(points: Sequence[Point], limit: int) -> list[Point]:
    """The first and the last point, and the least and the greatest of each of equal parts between them.

    A peak is never lost, which an average would do. NaN counts as greater than infinity. What SQL does for a long
    series; this is its definition.
    """
    if len(points) <= limit:
        return list(points)
    total, parts = len(points), buckets(limit)
    kept = {0, total - 1}
    cut: dict[int, list[int]] = {}
    for index in range(1, total - 1):
        if parts:
            cut.setdefault(index * parts // total, []).append(index)
    for members in cut.values():
        kept.add(min(members, key=lambda index: (_order(points[index].value), index)))
        kept.add(max(members, key=lambda index: (_order(points[index].value), -index)))
    return [points[index] for index in sorted(kept)]


def _order(value: float) -> tuple[bool, float]:
    """Of numbers with NaN behind all of them."""
    return (True, 0.0) if value != value else (False, value)  # noqa: PLR0124 -- only NaN differs from itself
