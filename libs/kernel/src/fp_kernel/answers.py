"""What a model answered: scores and labels among its outputs."""

import math
from collections.abc import Mapping, Sequence

from fp_kernel.signatures import TensorSpec
from fp_kernel.tensors import FLOATS, ElementType, Number, Tensor

MAX_TEXT = 128
"""Characters of a label."""


def scores_of(outputs: Mapping[str, Tensor]) -> tuple[str, Tensor] | None:
    """The floating-point output with the most classes: probabilities before a single value."""
    floats = [(name, tensor) for name, tensor in outputs.items() if tensor.element in FLOATS]
    return max(floats, key=lambda item: (item[1].width > 1, len(item[1].shape)), default=None)


def label_of(outputs: Mapping[str, Tensor]) -> str:
    """The class that the model itself chose for the first row, where it says so."""
    tensor = labels_of(outputs)
    if tensor is None:
        return ""
    return tensor.texts((0,), MAX_TEXT)[0] if tensor.element is ElementType.STRING else str(int(tensor.number(0)))


def labels_of(outputs: Mapping[str, Tensor]) -> Tensor | None:
    """The output that says which class the model itself chose."""
    return next((tensor for tensor in outputs.values() if tensor.count and tensor.element not in FLOATS), None)


def class_names(spec: TensorSpec | None, count: int) -> list[str]:
    if spec is not None and len(spec.columns) >= count:
        return [column.name for column in spec.columns[:count]]
    return [str(index) for index in range(count)]


def best_of(scores: Sequence[Number]) -> int:
    """The place of the highest score; one that is no number never wins."""
    if not math.isnan(scores[0]):
        # Nothing is higher than a first one that is no number; behind another it is higher than nothing.
        return scores.index(max(scores))
    return max(range(len(scores)), key=lambda index: -math.inf if math.isnan(scores[index]) else scores[index])
