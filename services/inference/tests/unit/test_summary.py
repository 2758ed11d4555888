"""Events tell what a prediction saw and said."""

import math
import struct

import pytest
from fp_inference.domain.summary import cost, features, outcome, rows
from fp_kernel.features import MAX_FEATURES
from fp_kernel.signatures import UNDECLARED, Column, Signature, TensorSpec
from fp_kernel.tensors import ElementType, Tensor

_F = ElementType.FLOAT32


def _floats(*rows: list[float]) -> Tensor:
    values = [value for row in rows for value in row]
    return Tensor(_F, (len(rows), len(rows[0])), struct.pack(f"<{len(values)}f", *values))


def _strings(*texts: str) -> Tensor:
    data = b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in texts)
    return Tensor(ElementType.STRING, (len(texts),), data)


def _ints(*values: int) -> Tensor:
    return Tensor(ElementType.INT64, (len(values),), struct.pack(f"<{len(values)}q", *values))


_FLIGHT = Signature(
    inputs=(TensorSpec("features", _F, (-1, 3), (Column("hour"), Column("wind"), Column("carrier", ("UA", "DL")))),),
    outputs=(TensorSpec("probabilities", _F, (-1, 2), (Column("on time"), Column("late"))),),
)


def test_features_carry_the_names_of_their_columns_and_their_categories() -> None:
    seen = features({"features": _floats([7.0, 12.5, 1.0])}, _FLIGHT)
    assert seen.numbers == {"hour": 7.0, "wind": 12.5}
    assert seen.categories == {"carrier": "DL"}
    assert seen.count == 3


def test_of_many_rows_the_first_is_told() -> None:
    seen = features({"features": _floats([7.0, 12.5, 1.0], [8.0, 1.0, 0.0])}, _FLIGHT)
    assert seen.numbers["hour"] == 7.0


@pytest.mark.parametrize("index", [2.0, -1.0, math.nan])
def test_a_category_that_nobody_declared_is_told_as_what_it_is(index: float) -> None:
    seen = features({"features": _floats([7.0, 12.5, index])}, _FLIGHT)
    assert seen.categories["carrier"].startswith("#")


def test_without_a_signature_features_carry_tensor_and_position() -> None:
    seen = features({"x": _floats([1.0, 2.0]), "age": _floats([5.0]), "city": _strings("Rome", "Oslo")}, UNDECLARED)
    assert seen.numbers == {"x[0]": 1.0, "x[1]": 2.0, "age": 5.0}
    assert seen.categories == {"city": "Rome"}


def test_the_number_of_features_told_is_bounded() -> None:
    seen = features({"x": _floats([0.0] * 1_000)}, UNDECLARED)
    assert len(seen.numbers) == MAX_FEATURES
    assert seen.count == 1_000


def test_probabilities_give_the_top_class_by_its_name() -> None:
    seen = outcome({"probabilities": _floats([0.25, 0.75], [0.5, 0.5])}, _FLIGHT)
    assert (seen.top_label, seen.top_score, seen.cardinality) == ("late", 0.75, 2)
    assert seen.stats == {
        "rows": 2.0,
        "score": 0.75,
        "score.on time": 0.25,
        "score.late": 0.75,
        "probabilities.min": 0.25,
        "probabilities.mean": 0.5,
        "probabilities.max": 0.75,
    }


def test_the_models_own_label_wins() -> None:
    seen = outcome({"label": _ints(1), "probabilities": _floats([0.25, 0.75])}, UNDECLARED)
    assert (seen.top_label, seen.top_score) == ("1", 0.75)
    seen = outcome({"label": _strings("late"), "probabilities": _floats([0.75, 0.25])}, UNDECLARED)
    assert (seen.top_label, seen.top_score) == ("late", 0.75)


def test_without_names_classes_are_numbered() -> None:
    seen = outcome({"p": _floats([0.25, 0.75])}, UNDECLARED)
    assert seen.top_label == "1"
    assert seen.stats["score.0"] == 0.25


def test_a_regression_tells_its_value() -> None:
    seen = outcome({"minutes": _floats([12.5])}, UNDECLARED)
    assert (seen.top_label, seen.top_score, seen.cardinality) == ("", 12.5, 1)
    assert seen.stats["score"] == 12.5


def test_a_scalar_is_one_row() -> None:
    seen = outcome({"minutes": Tensor(_F, (), struct.pack("<f", 3.0))}, UNDECLARED)
    assert seen.stats["rows"] == 1.0
    assert seen.top_score == 3.0


def test_a_label_alone_is_told() -> None:
    seen = outcome({"label": _ints(4, 5)}, UNDECLARED)
    assert (seen.top_label, seen.top_score, seen.cardinality) == ("4", 0.0, 0)
    assert seen.stats == {"rows": 2.0}


def test_values_that_are_no_numbers_never_win() -> None:
    seen = outcome({"p": _floats([math.nan, 0.1, math.nan])}, UNDECLARED)
    assert seen.top_label == "1"


def test_statistics_of_a_large_answer_are_left_out() -> None:
    seen = outcome({"p": _floats(*[[0.5, 0.5]] * 10_000)}, UNDECLARED)
    assert "p.mean" not in seen.stats
    assert seen.stats["score"] == 0.5


def test_an_answer_without_rows_is_told_as_one() -> None:
    for outputs in (
        {"boxes": Tensor(_F, (0, 4), b"")},
        {"boxes": Tensor(_F, (0, 4), b""), "labels": Tensor(ElementType.INT64, (0,), b"")},
        {"labels": Tensor(ElementType.STRING, (0,), b"")},
    ):
        seen = outcome(outputs, UNDECLARED)
        assert (seen.top_label, seen.top_score, seen.stats, seen.cardinality) == ("", 0.0, {"rows": 0.0}, 0)


def test_infinities_are_told_as_they_are() -> None:
    seen = outcome({"p": _floats([math.inf, -math.inf])}, UNDECLARED)
    assert (seen.stats["p.min"], seen.stats["p.max"], seen.top_label) == (-math.inf, math.inf, "0")
    assert math.isnan(seen.stats["p.mean"])


@pytest.mark.parametrize("first", ["embedding", "age"])
def test_a_scalar_beside_a_wide_tensor_is_told_in_whatever_order_they_came(first: str) -> None:
    tensors = {"embedding": _floats([0.5] * 300), "age": _floats([7.0])}
    ordered = {first: tensors[first], **tensors}
    seen = features(ordered, UNDECLARED)
    assert seen.numbers["age"] == 7.0
    assert (len(seen.numbers), seen.count) == (MAX_FEATURES, 301)


def test_a_large_category_is_told_with_all_its_digits() -> None:
    seen = features({"features": _floats([7.0, 12.5, 1_234_567.0])}, _FLIGHT)
    assert seen.categories["carrier"] == "#1234567"


def test_rows_are_the_first_axis_that_the_tensors_share() -> None:
    many, scalar = _floats([1.0, 2.0], [3.0, 4.0]), Tensor(_F, (), b"\0" * 4)
    image = Tensor(_F, (3, 2, 2), b"\0" * 48)
    fixed = Signature(inputs=(TensorSpec("x", _F, (3, 2, 2)),))
    assert rows({"x": many, "y": _ints(1, 2)}) == 2
    assert rows({"x": many, "t": scalar}) == 2
    assert rows({"x": many, "y": _ints(1, 2, 3)}) == 1
    assert rows({"t": scalar}) == rows({}) == rows({"x": image}, fixed) == 1


def test_a_request_costs_its_rows_and_never_more_than_its_bytes() -> None:
    assert cost({"x": _floats(*[[1.0]] * 500)}) == 500
    assert cost({"x": Tensor(_F, (10**15, 1), b"\0" * 8)}) == 8
    assert cost({"x": Tensor(_F, (10**15, 0), b"")}) == cost({}) == 1
