"""The rows of a request that has many, as far as an event has room for them.

A caller that scores a thousand rows in one request is a thousand observations to whoever watches the model, and by the
first row alone a nightly job would look like one prediction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fp_kernel.answers import MAX_TEXT, best_of, class_names, labels_of, scores_of
from fp_kernel.features import MAX_FEATURES
from fp_kernel.signatures import Column, Signature
from fp_kernel.tensors import ElementType, Number, Tensor

from fp_inference.domain.summary import MAX_CLASSES, by_row, categorised, named_features, rows

MOST_ROWS = 256
MOST_BYTES = 32_768
# Texts have no fixed length: to find one, all before it are walked through on the event loop.
MOST_TEXTS = 4_096
_NUMBER = 8
# Of a name or a text: its tag and length.
_HEADER = 4


@dataclass(frozen=True, slots=True)
class SampledRows:
    """By feature, one value a row. scores, labels: one a row; empty where the answer is not by row."""

    count: int
    numbers: Mapping[str, Sequence[float]]
    categories: Mapping[str, Sequence[str]]
    scores: Sequence[float]
    labels: Sequence[str]


def sampled_rows(
    inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor], signature: Signature
) -> SampledRows | None:
    """Rows evenly over the request, from the first one on; None for a request of one row.

    All rows, or as many as MOST_ROWS, MOST_BYTES and the first MOST_TEXTS texts of each tensor allow.
    """
    number = rows(inputs, signature)
    if number == 1:
        return None
    varying = by_row(inputs, signature)
    answers = {name: tensor for name, tensor in outputs.items() if tensor.count and tensor.shape[:1] == (number,)}
    tensors = (*varying.values(), *answers.values())
    within = min((MOST_TEXTS // each.width for each in tensors if each.element is ElementType.STRING), default=number)
    within = min(number, within)
    count = min(within, MOST_ROWS, MOST_BYTES // _least(varying))
    while count > 1:
        found = _sampled(varying, outputs, signature, [place * within // count for place in range(count)], number)
        room, wanted = MOST_BYTES - _names_bytes(found), _rows_bytes(found)
        if wanted <= room:
            return found
        count = min(count - 1, count * room // wanted)
    return None


def _sampled(
    varying: Mapping[str, Tensor],
    outputs: Mapping[str, Tensor],
    signature: Signature,
    places: Sequence[int],
    number: int,
) -> SampledRows:
    numbers: dict[str, Sequence[float]] = {}
    categories: dict[str, Sequence[str]] = {}
    for tensor, names, columns in named_features(varying, signature):
        for name, values in zip(names, _columns(tensor, len(names), columns, places), strict=False):
            if isinstance(values[0], str):
                categories[name] = [str(value) for value in values]
            else:
                numbers[name] = [float(value) for value in values]
    return SampledRows(
        len(places),
        numbers,
        categories,
        _scores(outputs, places, number),
        _labels(outputs, signature, places, number),
    )


def _columns(
    tensor: Tensor, width: int, columns: tuple[Column, ...], places: Sequence[int]
) -> list[Sequence[Number | str]]:
    """The first `width` elements of the rows at these places, by element."""
    length = tensor.width
    if not width:
        return []
    if tensor.element is ElementType.STRING:
        texts = tensor.texts([row * length + element for row in places for element in range(width)], MAX_TEXT)
        return [texts[element::width] for element in range(width)]
    by_element = list(zip(*(tensor.numbers(width, row * length) for row in places), strict=True))
    if len(columns) != length:
        return list(by_element)
    return [
        [categorised(column, value) for value in values] for column, values in zip(columns, by_element, strict=False)
    ]


def _scores(outputs: Mapping[str, Tensor], places: Sequence[int], number: int) -> list[float]:
    """That of the last class, or the regression value."""
    found = scores_of(outputs)
    if found is None or not _is_by_row(found[1], number):
        return []
    tensor = found[1]
    width = tensor.width
    return [float(tensor.number(row * width + width - 1)) for row in places]


def _labels(outputs: Mapping[str, Tensor], signature: Signature, places: Sequence[int], number: int) -> list[str]:
    chosen = labels_of(outputs)
    if chosen is not None:
        if not _is_by_row(chosen, number):
            return []
        width = chosen.width
        firsts = [row * width for row in places]
        if chosen.element is ElementType.STRING:
            return list(chosen.texts(firsts, MAX_TEXT))
        return [str(int(chosen.number(first))) for first in firsts]
    found = scores_of(outputs)
    if found is None or found[1].width == 1 or not _is_by_row(found[1], number):
        return []
    name, tensor = found
    width = tensor.width
    classes = class_names(signature.output(name), min(width, MAX_CLASSES))
    return [classes[best_of(tensor.numbers(len(classes), row * width))] for row in places]


def _is_by_row(tensor: Tensor, number: int) -> bool:
    return bool(tensor.count) and tensor.shape[:1] == (number,)


def _least(inputs: Mapping[str, Tensor]) -> int:
    """Bytes that a row with its answer takes at least: rows for which there is no room are not read."""
    features = min(MAX_FEATURES, sum(each.width for each in inputs.values() if each.element is not ElementType.STRING))
    return _NUMBER * (features + 2)


def _names_bytes(sampled: SampledRows) -> int:
    return sum(2 * _HEADER + len(name.encode()) for name in (*sampled.numbers, *sampled.categories))


def _rows_bytes(sampled: SampledRows) -> int:
    numbers = sum(map(len, sampled.numbers.values())) + len(sampled.scores)
    texts = (*sampled.categories.values(), sampled.labels)
    return _NUMBER * numbers + sum(_HEADER + len(text.encode()) for column in texts for text in column)
