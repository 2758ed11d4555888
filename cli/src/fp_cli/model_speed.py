"""How fast a model runs on this machine, where ONNX Runtime is installed (`fp-cli[convert]`)."""

import statistics
import time
from collections.abc import Mapping
from typing import Any, Final

from fp_kernel import FailedPrecondition
from fp_kernel.signatures import DYNAMIC, TensorSpec
from fp_kernel.tensors import ElementType
from fp_onnx.session import first_line, opened

MISSING: Final = "onnxruntime is not installed: pip install 'fp-cli[convert]'"
ROWS: Final = (1, 64)
_ENOUGH: Final = 0.3
"""Seconds for each number of rows."""
_MOST_RUNS: Final = 2_000
_LEAST_RUNS: Final = 5


def measure(content: bytes, inputs: tuple[TensorSpec, ...]) -> dict[str, float] | str:
    """Microseconds of a run with one thread, by its rows, or why nothing was measured.

    Raises FailedPrecondition when the runtime does not load the model or does not run it.
    """
    asked = [spec for spec in inputs if not spec.optional]
    if any(spec.element is ElementType.BFLOAT16 for spec in asked):
        return "numpy has no bfloat16"
    try:
        import numpy as np

        session = opened(content)
    except ImportError:
        return MISSING
    counts = ROWS if all(spec.shape and spec.shape[0] == DYNAMIC for spec in asked) else ROWS[:1]
    found: dict[str, float] = {}
    for rows in counts:
        arrays = {spec.name: _zeros(np, spec, rows) for spec in asked}
        try:
            found[str(rows)] = _median(session, arrays)
        except Exception as error:  # noqa: BLE001 -- the runtime's own exceptions have no common base but this
            if any(DYNAMIC in spec.shape[1:] or spec.element is ElementType.STRING for spec in asked):
                return "its inputs cannot be guessed"
            raise FailedPrecondition(f"it loads but does not run: {first_line(error)}") from None
    return found


def _zeros(np: Any, spec: TensorSpec, rows: int) -> Any:
    shape = [1 if size == DYNAMIC else size for size in spec.shape]
    if shape and spec.shape[0] == DYNAMIC:
        shape[0] = rows
    if spec.element is ElementType.STRING:
        return np.full(shape, "", object)
    return np.zeros(shape, spec.element.value)


def _median(session: Any, arrays: Mapping[str, Any]) -> float:
    """Microseconds; the first run warms up."""
    session.run(None, arrays)
    taken: list[float] = []
    while len(taken) < _LEAST_RUNS or (sum(taken) < _ENOUGH and len(taken) < _MOST_RUNS):
        start = time.monotonic()
        session.run(None, arrays)
        taken.append(time.monotonic() - start)
    return statistics.median(taken) * 1_000_000
