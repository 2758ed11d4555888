"""Events tell the rows of a request that has many."""

import math
import struct

import pytest
from fp_inference.domain.sampled_rows import MOST_BYTES, MOST_ROWS, MOST_TEXTS, sampled_rows
from fp_inference.domain.summary import features, outcome
from fp_kernel.signatures import UNDECLARED, Column, Signature, TensorSpec
from fp_kernel.tensors import ElementType, Tensor

_F = ElementType.FLOAT32
_FLIGHT = Signature(
    inputs=(
        TensorSpec("features", _F, (-1, 3), (Column("hour"), Column("wind"), Column("carrier", ("UA", "DL")))),
        TensorSpec("origin", _F, (1,)),
    ),
    outputs=(TensorSpec("probabilities", _F, (-1, 2), (Column("on time"), Column("late"))),),
)


def floats(*rows: list[float]) -> Tensor:
    values = [value for row in rows for value in row]
    return Tensor(_F, (len(rows), len(rows[0])), struct.pack(f"<{len(values)}f", *values))


def strings(*texts: str) -> Tensor:
    data = b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in texts)
    return Tensor(ElementType.STRING, (len(texts),), data)


def ints(*values: int) -> Tensor:
    return Tensor(ElementType.INT64, (len(values),), struct.pack(f"<{len(values)}q", *values))


def test_every_row_of_a_request_is_told_with_its_answer() -> None:
    found = sampled_rows(
        {"features": floats([7.0, 12.5, 1.0], [8.0, 1.5, 0.0], [9.0, math.inf, 5.0])},
        {"probabilities": floats([0.25, 0.75], [0.75, 0.25], [0.5, 0.5])},
        _FLIGHT,
    )
    assert found is not None
    assert found.count == 3
    assert found.numbers == {"hour": [7.0, 8.0, 9.0], "wind": [12.5, 1.5, math.inf]}
    assert found.categories == {"carrier": ["DL", "UA", "#5"]}
    assert found.scores == [0.75, 0.25, 0.5]
    assert found.labels == ["late", "on time", "on time"]


@pytest.mark.parametrize(
    "outputs", [{"p": floats([0.25, 0.75], [1.0, 0.0])}, {"l": strings("b", "a"), "p": ints(2, 3)}]
)
def test_the_first_row_is_told_as_the_summary_tells_it(outputs: dict[str, Tensor]) -> None:
    inputs = {"x": floats([1.0, 2.0], [3.0, 4.0]), "city": strings("Rome", "Oslo")}
    found, first, answer = sampled_rows(inputs, outputs, UNDECLARED), features(inputs, UNDECLARED), None
    answer = outcome(outputs, UNDECLARED)
    assert found is not None
    assert {name: values[0] for name, values in found.numbers.items()} == first.numbers
    assert {name: values[0] for name, values in found.categories.items()} == first.categories
    assert found.labels[0] == answer.top_label
    assert [*found.scores[:1]] == ([answer.stats["score"]] if "score" in answer.stats else [])


def test_a_request_of_one_row_is_told_by_its_summary_alone() -> None:
    assert sampled_rows({"features": floats([7.0, 12.5, 1.0])}, {}, _FLIGHT) is None
    assert sampled_rows({"a": floats([1.0], [2.0]), "b": floats([1.0], [2.0], [3.0])}, {}, UNDECLARED) is None


def test_a_tensor_without_rows_of_its_own_is_left_to_the_summary() -> None:
    inputs = {"features": floats([7.0, 12.5, 1.0], [8.0, 1.5, 0.0]), "origin": ints(3)}
    found = sampled_rows(inputs, {}, _FLIGHT)
    assert found is not None
    assert set(found.numbers) == {"hour", "wind"}


def test_an_answer_that_is_not_by_row_is_told_once() -> None:
    inputs = {"x": floats([1.0], [2.0], [3.0])}
    for outputs in (
        {"sum": floats([6.0])},
        {"boxes": Tensor(_F, (0, 4), b"")},
        {"all": Tensor(_F, (), b"\0\0\0\0")},
        {},
    ):
        found = sampled_rows(inputs, outputs, UNDECLARED)
        assert found is not None
        assert (found.count, found.scores, found.labels) == (3, [], [])


def test_of_very_many_rows_some_are_told_evenly_over_the_request() -> None:
    found = sampled_rows({"x": floats(*[[float(row)] for row in range(10_000)])}, {}, UNDECLARED)
    assert found is not None
    assert found.count == MOST_ROWS == len(found.numbers["x"])
    apart = {after - before for before, after in zip(found.numbers["x"], found.numbers["x"][1:], strict=False)}
    assert found.numbers["x"][0] == 0.0
    assert apart == {39.0, 40.0}


def test_what_is_told_of_wide_rows_and_long_texts_has_a_bound() -> None:
    wide = sampled_rows({"x": floats(*[[0.5] * 200 for _ in range(100)])}, {}, UNDECLARED)
    assert wide is not None
    assert 10 <= wide.count < 32
    assert 8 * sum(map(len, wide.numbers.values())) <= MOST_BYTES
    long = sampled_rows({"t": strings(*["ü" * 1_000] * 1_000)}, {}, UNDECLARED)
    assert long is not None
    assert long.count > 50
    assert sum(len(text.encode()) for text in long.categories["t"]) <= MOST_BYTES
    assert {len(text) for text in long.categories["t"]} == {128}


def test_names_that_leave_no_room_leave_the_summary() -> None:
    columns = tuple(Column(f"{place:0200}") for place in range(200))
    signature = Signature(inputs=(TensorSpec("x", _F, (-1, 200), columns),), outputs=())
    assert sampled_rows({"x": floats(*[[0.5] * 200] * 10)}, {}, signature) is None


def test_texts_are_looked_for_among_the_first_only() -> None:
    rows = 2 * MOST_TEXTS
    found = sampled_rows(
        {"t": strings(*map(str, range(rows))), "x": floats(*[[float(row)] for row in range(rows)])}, {}, UNDECLARED
    )
    assert found is not None
    assert [float(text) for text in found.categories["t"]] == found.numbers["x"]
    assert MOST_TEXTS - 100 < found.numbers["x"][-1] < MOST_TEXTS
