"""Summaries of many predictions that differ only in their numbers, as bytes of their event.

Most predictions are one row of numbers of one signature and shape. For those all but the numbers is worked out once:
names, keys and lengths are ready as they stand in the message, and the numbers are put between them. What comes out is
what `fp_inference.adapters.events` makes, field by field (a property test compares them), at a fifth of the price.
"""

import struct
from collections.abc import Mapping, Sequence

from fp_kernel.answers import best_of, class_names, label_of, scores_of
from fp_kernel.signatures import Column, Signature
from fp_kernel.tensors import ElementType, Number, Tensor
from fp_kernel.varints import delimited, varint

from fp_inference.adapters.made import Made
from fp_inference.domain.summary import MAX_CLASSES, categorised, named_features

# Of larger outputs each number is read for its statistics; the summary says how many it reads at most.
_MOST_SCORES = 256
# Tags: fields of InferenceCompleted, PredictionSummary, FeatureSummary, and of the entries of their maps.
_PREDICTION_SUMMARY, _FEATURE_SUMMARY = b"\x52", b"\x5a"
_TOP_LABEL, _TOP_SCORE, _OUTPUT_STATS, _CARDINALITY = b"\x0a", b"\x11", b"\x1a", b"\x20"
_FEATURE_VALUES, _FEATURE_COUNT, _CATEGORICAL_VALUES = b"\x0a", b"\x10", b"\xa2\x06"
_KEY, _NUMBER, _TEXT = b"\x0a", b"\x11", b"\x12"
_DOUBLE = struct.Struct("<d")


class _Numbers:
    """Entries of a map from these names to numbers."""

    def __init__(self, field: bytes, names: Sequence[str]) -> None:
        self._parts: list[bytes | float] = []
        form = "<"
        for name in names:
            entry = delimited(_KEY, name.encode()) + _NUMBER
            prefix = field + varint(len(entry) + _DOUBLE.size) + entry
            self._parts += (prefix, 0.0)
            form += f"{len(prefix)}sd"
        self._struct = struct.Struct(form)

    def with_(self, numbers: Sequence[Number]) -> bytes:
        parts = self._parts.copy()
        parts[1::2] = numbers
        return self._struct.pack(*parts)


class _Categories:
    """Entries of a map from the name of a column to the category that a number names."""

    def __init__(self, name: str, column: Column) -> None:
        self._key = delimited(_KEY, name.encode())
        self._column = column
        self._known = [self._entry(category) for category in column.categories]

    def with_(self, number: Number) -> bytes:
        if 0 <= number < len(self._known):
            return self._known[int(number)]
        return self._entry(str(categorised(self._column, number)))

    def _entry(self, category: str) -> bytes:
        return delimited(_CATEGORICAL_VALUES, self._key + delimited(_TEXT, category.encode()))


class _Inputs:
    """The features of one tensor."""

    def __init__(self, name: str, tensor: Tensor, names: Sequence[str], columns: Sequence[Column]) -> None:
        self._name = name
        self._width = min(len(names), tensor.count)
        declared = columns if len(columns) == tensor.width else ()
        places = range(self._width)
        self._categories = [
            (at, _Categories(names[at], declared[at])) for at in places if declared[at:] and declared[at].categories
        ]
        chosen = {at for at, _ in self._categories}
        self._places = [at for at in places if at not in chosen]
        self._numbers = _Numbers(_FEATURE_VALUES, [names[at] for at in self._places])

    def of(self, inputs: Mapping[str, Tensor]) -> bytes:
        values = inputs[self._name].numbers(self._width)
        if not self._categories:
            return self._numbers.with_(values)
        numbers = self._numbers.with_([values[at] for at in self._places])
        return numbers + b"".join([each.with_(values[at]) for at, each in self._categories])


class Form:
    """Of one signature and one shape; see `form_of`."""

    def __init__(self, made: Made, signature: Signature, name: str, scores: Tensor) -> None:
        named = list(named_features(made.inputs, signature))
        tensors = {id(tensor): tensor_name for tensor_name, tensor in made.inputs.items()}
        self._inputs = [
            _Inputs(tensors[id(tensor)], tensor, names, columns) for tensor, names, columns in named if names
        ]
        count = sum(tensor.width for tensor in made.inputs.values())
        self._feature_count = _FEATURE_COUNT + varint(count) if count else b""
        self._scores = name
        self._count, self._width = scores.count, scores.width
        self._rows = float(scores.shape[0]) if scores.shape else 1.0
        width = min(self._width, MAX_CLASSES)
        self._classes = class_names(signature.output(name), width) if self._width > 1 else []
        keys = ["rows", "score", f"{name}.min", f"{name}.mean", f"{name}.max"]
        self._stats = _Numbers(_OUTPUT_STATS, [*keys, *(f"score.{each}" for each in self._classes)])
        self._labels = [delimited(_TOP_LABEL, each.encode()) for each in self._classes]
        self._cardinality = _CARDINALITY + varint(self._width)

    def summaries(self, made: Made) -> bytes:
        """The summaries of inputs and outputs, as fields of InferenceCompleted."""
        features = b"".join([each.of(made.inputs) for each in self._inputs]) + self._feature_count
        return self._prediction(made.outputs) + delimited(_FEATURE_SUMMARY, features)

    def _prediction(self, outputs: Mapping[str, Tensor]) -> bytes:
        values = outputs[self._scores].numbers(self._count)
        row = values[: len(self._classes) or 1]
        numbers = [self._rows, values[self._width - 1], min(values), sum(values) / self._count, max(values)]
        best = best_of(row) if self._classes else 0
        label = label_of(outputs)
        if label:
            top = delimited(_TOP_LABEL, label.encode())
        else:
            top = self._labels[best] if self._labels else b""
        stats = self._stats.with_([*numbers, *row] if self._classes else numbers)
        return delimited(_PREDICTION_SUMMARY, top + _TOP_SCORE + _DOUBLE.pack(row[best]) + stats + self._cardinality)


def form_of(made: Made, signature: Signature) -> Form | None:
    """For this and all predictions of the same signature, names, element types and shapes; None for those that are made
    one by one: of many rows, with texts among their features, without a score.
    """
    scores = scores_of(made.outputs)
    if made.rows > 1 or scores is None or not 0 < scores[1].count <= _MOST_SCORES:
        return None
    if any(each.element is ElementType.STRING or not each.count for each in made.inputs.values()):
        return None
    return Form(made, signature, *scores)
