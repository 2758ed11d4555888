import pytest
from fp_kernel.varints import delimited, varint


@pytest.mark.parametrize(
    ("number", "written"),
    [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02"), (16_384, "808001"), (2**64 - 1, "ff" * 9 + "01")],
)
def test_a_number_has_seven_bits_in_each_byte_the_lowest_first(number, written):
    assert varint(number).hex() == written


def test_a_field_begins_with_its_tag_and_length():
    assert delimited(b"\x0a", b"x" * 128) == b"\x0a\x80\x01" + b"x" * 128
