"""Points of metrics."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fp_kernel import invalid
from fp_kernel.texts import check_line

from fp_experiment.domain.text import MAX_KEY

MAX_POINTS = 1_000
MAX_KEYS = 1_000
MAX_STEP = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Point:
    """value: any double, NaN and the infinities included. at: when it arrived."""

    key: str
    value: float
    step: int
    at: datetime


def check_points(points: Sequence[Point], field: str = "points") -> None:
    """Raises InvalidArgument naming the part."""
    if not 1 <= len(points) <= MAX_POINTS:
        raise invalid(field, f"1 to {MAX_POINTS} points, not {len(points)}")
    for index, point in enumerate(points):
        check_line(point.key, f"{field}[{index}].key", MAX_KEY, required=True)
        if point.step < 0:
            raise invalid(f"{field}[{index}].step", "must not be negative")
    steps = Counter((point.key, point.step) for point in points)
    for index, point in enumerate(points):
        if steps[point.key, point.step] > 1:
            raise invalid(f"{field}[{index}].step", f"step {point.step} of '{point.key}' is there twice")
