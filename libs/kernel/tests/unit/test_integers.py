import pytest
from fp_kernel.integers import int64_of
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_number_of_64_bits_has_a_text(number):
    assert int64_of(str(number)) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "-0",
        "+1",
        "01",
        "1.0",
        "1e3",
        " 1",
        "1\n",
        "1_000",
        "\u0661",
        "NaN",
        str(2**63),
        str(-(2**63) - 1),
        "9" * 40,
    ],
)
def test_no_other_text_is_a_number(text):
    with pytest.raises(ValueError, match="no whole number of 64 bits"):
        int64_of(text)
