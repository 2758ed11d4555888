"""How many rows of a training set are read and sent at once: by their bytes, not by their number."""

from collections.abc import Iterator, Sequence

from fp_featurestore.domain.features import Feature, ValueType
from fp_featurestore.domain.training import TrainingRows
from fp_featurestore.domain.values import FIXED

CHUNK_ROWS = 4_096
CHUNK_BYTES = 1024 * 1024
# Entity id and time of a row.
_ROW_BYTES = 48
_NUMBER_BYTES = 8
# Of a text, list or struct whose length nobody knows yet: a first guess, and its length on the wire.
_UNKNOWN_BYTES = 256
_LENGTH_BYTES = 3
# A chunk that is much larger than the one before would be a gamble on the next rows being as small.
_GROWTH = 4


def width(features: Sequence[Feature]) -> int:
    """Bytes that a row with these features has on the wire, about."""
    return _ROW_BYTES + sum(map(_width, features))


def _width(feature: Feature) -> int:
    if feature.type is ValueType.DOUBLE_LIST and feature.dimension:
        return feature.dimension * _NUMBER_BYTES
    return _NUMBER_BYTES if feature.type in FIXED else _UNKNOWN_BYTES


class Pace:
    """rows: to read next. The first ones by what the schema says, the others by what was read."""

    def __init__(self, features: Sequence[Feature]) -> None:
        self.rows = _within(CHUNK_BYTES // width(features))

    def saw(self, rows: int, size: int) -> None:
        """size: bytes of these rows."""
        if rows:
            self.rows = _within(min(self.rows * _GROWTH, CHUNK_BYTES * rows // max(1, size)))


def sizes(rows: TrainingRows, features: Sequence[Feature]) -> list[int]:
    """Bytes of each row on the wire, about. features: of the columns."""
    fixed = _ROW_BYTES + _NUMBER_BYTES * sum(feature.type in FIXED for feature in features)
    found = [fixed] * len(rows.entity_ids)
    for column, feature in zip(rows.columns, features, strict=True):
        if feature.type not in FIXED:
            found = [size + _LENGTH_BYTES + len(text or b"") for size, text in zip(found, column, strict=True)]
    return found


def parts(rows: TrainingRows, row_sizes: Sequence[int]) -> Iterator[TrainingRows]:
    """In order, each within `CHUNK_BYTES`; a row that is larger by itself stands alone."""
    start, held = 0, 0
    for place, size in enumerate(row_sizes):
        if held and held + size > CHUNK_BYTES:
            yield _cut(rows, slice(start, place))
            start, held = place, 0
        held += size
    if held:
        yield _cut(rows, slice(start, len(row_sizes)))


def _cut(rows: TrainingRows, part: slice) -> TrainingRows:
    columns = [column[part] for column in rows.columns]
    return TrainingRows(rows.entity_ids[part], rows.times[part], columns)


def _within(rows: int) -> int:
    return max(1, min(CHUNK_ROWS, rows))
