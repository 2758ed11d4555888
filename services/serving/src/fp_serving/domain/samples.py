"""Made-up inputs: to warm a model, and to find out whether its rows are independent of each other."""

from collections.abc import Mapping, Sequence

import numpy as np
from fp_kernel.signatures import DYNAMIC, TensorSpec
from fp_kernel.tensors import ElementType

from fp_serving.domain.arrays import Array, numbers_of, numpy_type, widened
from fp_serving.domain.schema import Schema

_TOLERANCE = 1e-3


def sample(schema: Schema, values: Sequence[int]) -> Mapping[str, Array]:
    """Inputs with one row for each value, filled with it; other axes of any length have length 1."""
    return {spec.name: _fill(spec, values) for spec in schema.required}


def is_typical(schema: Schema) -> bool:
    """Whether any model must be able to run a sample: numbers of known width, nothing that has to be guessed."""
    return all(spec.element is not ElementType.STRING and DYNAMIC not in spec.shape[1:] for spec in schema.required)


def same_rows(alone: Sequence[Mapping[str, Array]], together: Mapping[str, Array]) -> bool:
    """Whether a joint run gave each row what it got alone; numbers may differ by rounding."""
    return all(
        output.ndim > 0
        and output.shape[0] == len(alone)
        and all(_close(output[row : row + 1], one[name]) for row, one in enumerate(alone))
        for name, output in together.items()
    )


def _close(left: Array, right: Array) -> bool:
    if left.shape != right.shape:
        return False
    left, right = widened(left), widened(right)
    if left.dtype.kind == "f":
        return bool(np.allclose(left, right, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True))
    return bool(np.array_equal(left, right))


def _fill(spec: TensorSpec, values: Sequence[int]) -> Array:
    shape = [1 if size == DYNAMIC else size for size in spec.shape]
    if shape and spec.shape[0] == DYNAMIC:
        shape[0] = len(values)
    if spec.element is ElementType.STRING:
        texts = np.empty(shape, numpy_type(spec.element))
        texts.fill("")
        return texts
    numbers = np.empty(shape, np.int64)
    if shape and spec.shape[0] == DYNAMIC:
        for row, value in enumerate(values):
            numbers[row] = value
    else:
        numbers.fill(values[0])
    return numbers_of(numbers, spec.element)
