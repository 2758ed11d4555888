"""The metrics that a version's maker measured."""

import math
from collections.abc import Mapping
from typing import Any

from fp_kernel import invalid

MAX_DEPTH = 8


def check_metrics(metrics: Mapping[str, Any], field: str) -> None:
    """Numbers, texts, booleans, lists and maps of them.

    Raises InvalidArgument naming the path of a value that JSON cannot hold.
    """
    _check(metrics, field, MAX_DEPTH)


def _check(value: Any, path: str, depth: int) -> None:
    if depth < 0:
        raise invalid(path, f"is nested deeper than {MAX_DEPTH}")
    if isinstance(value, float) and not math.isfinite(value):
        raise invalid(path, "must be a finite number")
    if isinstance(value, str) and "\x00" in value:
        raise invalid(path, "must not hold the character NUL")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _check(key, path, depth)
            _check(inner, f"{path}.{key}", depth - 1)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _check(inner, f"{path}[{index}]", depth - 1)
