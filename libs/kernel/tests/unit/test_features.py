"""One name for one feature, wherever it is spoken of."""

from fp_kernel.features import MAX_FEATURES, Row, may_name, named, width
from hypothesis import given
from hypothesis import strategies as st


def test_a_row_has_its_columns_names_or_its_tensor_s():
    assert Row("x", 2, ("a", "b")).names() == ["a", "b"]
    assert Row("x", 1).names() == ["x"]
    assert Row("x", 3).names() == ["x[0]", "x[1]", "x[2]"]
    assert Row("x", 6, ("a", "b")).names(3) == ["x[0]", "x[1]", "x[2]"], "two names for six elements are of no use"


def test_narrow_tensors_are_told_before_wide_ones_and_all_together_are_bounded():
    found = named([Row("wide", 300), Row("b", 1), Row("a", 1)])
    assert [row.tensor for row, _ in found] == ["a", "b", "wide"]
    assert sum(len(names) for _, names in found) == MAX_FEATURES


def test_the_width_of_a_declared_shape():
    assert [width(shape) for shape in [(), (-1,), (-1, 4), (-1, 2, 3), (-1, -1)]] == [1, 1, 4, 6, None]
    assert [width((-1, -1), 3), width((-1, -1, -1), 3)] == [3, None]


@given(st.text(max_size=8), st.integers(1, 2 * MAX_FEATURES))
def test_a_tensor_of_unknown_width_may_have_exactly_the_names_of_some_width(tensor, elements):
    for name in Row(tensor, elements).names():
        assert may_name(name, tensor)
    assert not may_name(f"{tensor}[{MAX_FEATURES}]", tensor)
