"""The summary of a prediction in its event: small, whatever the size of the tensors.

Of a request with many rows this is the first one; the others are in `fp_inference.domain.sampled_rows`.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fp_kernel.answers import MAX_TEXT, best_of, class_names, label_of, scores_of
from fp_kernel.features import Row, named
from fp_kernel.signatures import DYNAMIC, UNDECLARED, Column, Signature
from fp_kernel.tensors import ElementType, Number, Tensor

MAX_CLASSES = 32
# Statistics over more elements would take the event loop's time.
_MAX_COUNTED = 16_384


@dataclass(frozen=True, slots=True)
class Features:
    """numbers and categories of the first row, by feature. count: features of a row, those left out included."""

    numbers: Mapping[str, float]
    categories: Mapping[str, str]
    count: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """top_label, top_score: of the first row. stats: see `outcome`.
    cardinality: classes of the scores; 1 for a value.
    """

    top_label: str
    top_score: float
    stats: Mapping[str, float]
    cardinality: int


def features(inputs: Mapping[str, Tensor], signature: Signature) -> Features:
    """Values by column name where the signature names columns, else by tensor and position."""
    numbers: dict[str, float] = {}
    categories: dict[str, str] = {}
    count = 0
    for tensor, names, columns in named_features(inputs, signature):
        count += tensor.width
        for feature, value in _row(tensor, names, columns):
            if isinstance(value, str):
                categories[feature] = value
            else:
                numbers[feature] = float(value)
    return Features(numbers, categories, count)


def named_features(
    inputs: Mapping[str, Tensor], signature: Signature
) -> Iterator[tuple[Tensor, list[str], tuple[Column, ...]]]:
    """Each tensor with the names of its first elements of a row, and the columns that the signature declares for it."""
    specs = {spec.name: spec for spec in signature.inputs}
    columns = {name: specs[name].columns if name in specs else () for name in inputs}
    described = [Row(name, tensor.width, [each.name for each in columns[name]]) for name, tensor in inputs.items()]
    for row, names in named(described):
        yield inputs[row.tensor], names, columns[row.tensor]


def outcome(outputs: Mapping[str, Tensor], signature: Signature) -> Outcome:
    """The answer in short.

    stats: `rows`; `score`, the score of the last class or the regression value of the first row, as the baseline counts
    it; `score.<class>` for each class of the first row; `<output>.min`, `.mean`, `.max` over all rows of the scores.
    """
    scores = scores_of(outputs)
    if scores is None:
        label = label_of(outputs)
        rows = next((tensor.shape[0] for tensor in outputs.values() if tensor.shape), 1)
        return Outcome(label, 0.0, {"rows": float(rows)}, 0)
    name, tensor = scores
    rows = tensor.shape[0] if tensor.shape else 1
    if not tensor.count:
        # A detector that found nothing: an answer like others, which has no values to summarise.
        return Outcome(label_of(outputs), 0.0, {"rows": float(rows)}, 0)
    row = tensor.numbers(min(tensor.width, MAX_CLASSES))
    stats = {"rows": float(rows), "score": float(tensor.number(tensor.width - 1)), **_spread(name, tensor)}
    if tensor.width == 1:
        return Outcome(label_of(outputs), float(row[0]), stats, 1)
    classes = class_names(signature.output(name), len(row))
    stats.update({f"score.{label}": float(value) for label, value in zip(classes, row, strict=True)})
    best = best_of(row)
    return Outcome(label_of(outputs) or classes[best], float(row[best]), stats, tensor.width)


def rows(inputs: Mapping[str, Tensor], signature: Signature = UNDECLARED) -> int:
    """The length of the first axis that the tensors share, scalars aside; 1 without one.

    An axis that the signature fixes counts no rows: an image of three channels is one.
    """
    lengths = {tensor.shape[0] for tensor in by_row(inputs, signature).values()}
    return max(1, *lengths) if len(lengths) == 1 else 1


def by_row(inputs: Mapping[str, Tensor], signature: Signature) -> Mapping[str, Tensor]:
    """The tensors whose first axis may count rows."""
    fixed = _fixed(signature) if signature.inputs else ()
    return {name: tensor for name, tensor in inputs.items() if tensor.shape and name not in fixed}


def _fixed(signature: Signature) -> set[str]:
    """Inputs whose first axis counts no rows."""
    return {spec.name for spec in signature.inputs if spec.shape and spec.shape[0] != DYNAMIC}


def cost(inputs: Mapping[str, Tensor]) -> int:
    """What a request takes of its caller's limit: one for each row, whatever a shape says that has no data."""
    return max(1, min(rows(inputs), max((len(tensor.data) for tensor in inputs.values()), default=1)))


def size(inputs: Mapping[str, Tensor]) -> int:
    """Bytes."""
    return sum(len(tensor.data) for tensor in inputs.values())


def _row(tensor: Tensor, names: list[str], columns: tuple[Column, ...]) -> Iterator[tuple[str, Number | str]]:
    """The first row of a tensor as features of these names."""
    width = min(len(names), tensor.count)
    if width < 1:
        return
    if tensor.element is ElementType.STRING:
        values: tuple[Number | str, ...] = tensor.texts(range(width), MAX_TEXT)
    else:
        values = tensor.numbers(width)
    if len(columns) == tensor.width:
        values = tuple(categorised(column, value) for column, value in zip(columns, values, strict=False))
    yield from zip(names, values, strict=False)


def categorised(column: Column, value: Number | str) -> Number | str:
    """The category that a number names; `#<number>` for one that was not declared."""
    if not column.categories or isinstance(value, str):
        return value
    if not math.isfinite(value) or not 0 <= value < len(column.categories):
        return f"#{value:.15g}"
    return column.categories[int(value)]


def _spread(name: str, tensor: Tensor) -> dict[str, float]:
    if tensor.count > _MAX_COUNTED:
        return {}
    values = tensor.numbers(tensor.count)
    return {
        f"{name}.min": float(min(values)),
        # Not fsum, which raises for infinities of both signs and for sums beyond the largest float.
        f"{name}.mean": float(sum(values)) / len(values),
        f"{name}.max": float(max(values)),
    }
