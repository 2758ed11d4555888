"""How far the answers of two versions agree."""

import math
import struct
from collections.abc import Mapping

import pytest
from fp_inference.domain.agreement import MOST_ELEMENTS, MOST_OUTPUTS, Agreement, compare
from fp_kernel.tensors import ElementType, Tensor
from hypothesis import given
from hypothesis import strategies as st

_FLOATS = st.lists(st.floats(width=32), min_size=1, max_size=8)


def _floats(*values: float, element: ElementType = ElementType.FLOAT32) -> Tensor:
    code = "f" if element is ElementType.FLOAT32 else "d"
    return Tensor(element, (len(values),), struct.pack(f"<{len(values)}{code}", *values))


def _labels(*values: int) -> Tensor:
    return Tensor(ElementType.INT64, (len(values),), struct.pack(f"<{len(values)}q", *values))


def _texts(*values: str) -> Tensor:
    data = b"".join(struct.pack("<I", len(value.encode())) + value.encode() for value in values)
    return Tensor(ElementType.STRING, (len(values),), data)


@pytest.mark.parametrize(
    ("served", "shadow", "agreement"),
    [
        ({"y": _labels(1, 2, 3)}, {"y": _labels(1, 2, 4)}, Agreement(labels=3, agreed=2)),
        ({"y": _texts("a", "b")}, {"y": _texts("a", "c")}, Agreement(labels=2, agreed=1)),
        ({"p": _floats(0.25, 0.75)}, {"p": _floats(0.5, 0.5)}, Agreement(numbers=2, difference=0.5)),
        ({"p": _floats(0.5)}, {"p": _floats(0.25, element=ElementType.FLOAT64)}, Agreement(numbers=1, difference=0.25)),
        ({"p": _floats(math.nan, math.inf)}, {"p": _floats(math.nan, math.inf)}, Agreement(numbers=2)),
        ({"p": _floats(math.nan, 1.0)}, {"p": _floats(1.0, math.inf)}, Agreement(unlike=2)),
        ({"p": _floats(1.0)}, {"p": _floats(1.0, 2.0)}, Agreement(unlike=1)),
        ({"p": _floats(1.0)}, {"q": _floats(1.0)}, Agreement(unlike=2)),
        ({"p": _labels(1)}, {"p": _floats(1.0)}, Agreement(unlike=1)),
        ({"p": _labels(1)}, {"p": _texts("1")}, Agreement(unlike=1)),
        ({"y": _labels(1), "p": _floats(1.0)}, {"y": _labels(1), "p": _floats(3.0)}, Agreement(1, 1, 1, 2.0)),
    ],
)
def test_labels_agree_or_not_and_numbers_differ_by_so_much(
    served: Mapping[str, Tensor], shadow: Mapping[str, Tensor], agreement: Agreement
) -> None:
    assert compare(served, shadow) == agreement


@given(_FLOATS)
def test_an_answer_agrees_with_itself(values: list[float]) -> None:
    tensor = {"p": _floats(*values)}
    assert compare(tensor, tensor) == Agreement(numbers=len(values))


@given(_FLOATS, _FLOATS)
def test_it_does_not_matter_who_of_both_was_served(one: list[float], other: list[float]) -> None:
    left, right = {"p": _floats(*one)}, {"p": _floats(*other)}
    assert compare(left, right) == compare(right, left)


def test_what_is_compared_of_a_large_answer_is_bounded() -> None:
    many = {f"y{number:02}": _labels(*range(MOST_ELEMENTS + 1)) for number in range(MOST_OUTPUTS + 1)}
    assert compare(many, many).labels == MOST_ELEMENTS * MOST_OUTPUTS
