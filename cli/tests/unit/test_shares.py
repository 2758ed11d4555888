import pytest
from fp_cli import shares
from fp_kernel import InvalidArgument
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("given", "points"),
    [
        (["1=100"], {"1": 10_000}),
        (["1=90", "2=10"], {"1": 9_000, "2": 1_000}),
        (["a=33.33%", "b=66.67%", "c=0"], {"a": 3_333, "b": 6_667, "c": 0}),
    ],
)
def test_percents_are_basis_points(given, points):
    assert shares.weights(given) == points


@given(st.integers(0, 10_000))
def test_what_is_shown_is_read_back(points):
    assert shares.weights([f"1={shares.percent(points)}", f"2={shares.percent(10_000 - points)}"])["1"] == points


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["1=90"], "90% together"),
        (["1=50", "1=50"], "twice"),
        (["1"], "not name=value"),
        (["1=x", "2=50"], "not version=percent"),
        (["1=nan"], "0 to 100"),
        (["1=101"], "0 to 100"),
        (["1=-1", "2=101"], "0 to 100"),
        (["1=33.333", "2=66.667"], "two digits"),
    ],
)
def test_what_is_no_split_is_refused_by_name(given, said):
    with pytest.raises(InvalidArgument, match=rf"split: .*{said}"):
        shares.weights(given)
