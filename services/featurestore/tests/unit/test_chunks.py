"""Training sets come in messages of about a mebibyte, whatever their columns are."""

import struct

from fp_featurestore.domain.chunks import CHUNK_BYTES, CHUNK_ROWS, Pace, parts, sizes
from fp_featurestore.domain.features import Feature, ValueType
from fp_featurestore.domain.training import TrainingRows

EMBEDDING = Feature("v", ValueType.DOUBLE_LIST, dimension=768)
TEXT = Feature("s", ValueType.STRING)
NUMBERS = [Feature(f"n{number}", ValueType.DOUBLE) for number in range(13)]


def table(count, *columns):
    return TrainingRows([f"e{number}" for number in range(count)], list(range(count)), list(columns))


def test_narrow_rows_come_by_thousands_and_embeddings_by_as_many_as_fit():
    assert Pace(NUMBERS).rows == CHUNK_ROWS
    assert Pace([EMBEDDING]).rows == CHUNK_BYTES // (768 * 8 + 48)
    assert Pace([Feature("v", ValueType.DOUBLE_LIST, dimension=4_096)] * 500).rows == 1


def test_the_next_chunk_goes_by_what_the_last_one_held():
    pace = Pace([TEXT])
    first = pace.rows
    pace.saw(first, first * 32_768)
    assert pace.rows == 32
    pace.saw(32, 32 * 64)
    assert pace.rows == 128
    pace.saw(0, 0)
    assert pace.rows == 128


def test_no_message_is_larger_than_a_mebibyte_but_for_a_row_that_is_so_by_itself():
    texts = [b"x" * size for size in (400_000, 400_000, 400_000, 3_000_000, 10, 10)]
    rows = table(len(texts), texts, [1.0] * len(texts))
    features = [TEXT, NUMBERS[0]]
    found = list(parts(rows, sizes(rows, features)))
    assert [list(part.entity_ids) for part in found] == [["e0", "e1"], ["e2"], ["e3"], ["e4", "e5"]]
    assert [text for part in found for text in part.columns[0]] == texts
    assert all(sum(sizes(part, features)) <= CHUNK_BYTES for part in found if len(part.entity_ids) > 1)


def test_a_size_counts_what_is_there():
    rows = table(3, [struct.pack("<768d", *[0.0] * 768), None, struct.pack("<d", 1.0)])
    assert sizes(rows, [EMBEDDING]) == [6_195, 51, 59]
    assert list(parts(table(0), [])) == []
