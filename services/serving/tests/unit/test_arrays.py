"""Tensors survive the wire, and bad ones name their field."""

import numpy as np
import pytest
from fp_kernel import InvalidArgument
from fp_kernel.tensors import MAX_BYTES, ElementType, Tensor
from fp_serving.domain.arrays import decode, encode, numpy_type
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

_SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, max_side=5)
_NUMBERS = st.one_of(
    *(hnp.arrays(numpy_type(element), _SHAPES) for element in ElementType if element is not ElementType.STRING),
)
_TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=12)


@given(_NUMBERS)
def test_numbers_come_back_as_they_went(array: np.ndarray) -> None:
    tensor = encode(array)
    back = decode(tensor, "inputs[x]")
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


@given(hnp.arrays(object, _SHAPES, elements=_TEXT))
def test_strings_come_back_as_they_went(array: np.ndarray) -> None:
    back = decode(encode(array), "inputs[x]")
    assert back.shape == array.shape
    assert back.tolist() == array.tolist()


def test_the_wire_is_little_endian_and_row_major() -> None:
    tensor = encode(np.asfortranarray(np.array([[1, 2], [3, 4]], dtype=">i4")))
    assert tensor == Tensor(
        ElementType.INT32, (2, 2), b"\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x04\x00\x00\x00"
    )


def test_a_string_is_its_length_in_four_bytes_and_then_utf_8() -> None:
    assert encode(np.array(["é", ""], object)).data == b"\x02\x00\x00\x00\xc3\xa9\x00\x00\x00\x00"


def test_an_array_without_a_wire_form_is_refused() -> None:
    with pytest.raises(TypeError, match="complex64"):
        encode(np.zeros(2, np.complex64))


_F = ElementType.FLOAT32
_S = ElementType.STRING


@pytest.mark.parametrize(
    ("tensor", "field", "says"),
    [
        (Tensor(_F, (2, 3), b"\0" * 20), "inputs[x].data", "must be 24 bytes"),
        (Tensor(_F, (1 << 40, 1 << 40), b"\0" * 4), "inputs[x].data", "must be"),
        (Tensor(_F, (-1, 3), b""), "inputs[x].shape", "at least 1"),
        (Tensor(_F, (0, 3), b""), "inputs[x].shape", "at least 1"),
        (Tensor(_F, (1,) * 9, b"\0" * 4), "inputs[x].shape", "at most 8"),
        (Tensor(ElementType.BOOL, (2,), b"\1\2"), "inputs[x].data", "0 or 1"),
        (Tensor(_F, (MAX_BYTES // 4 + 1,), b"\0" * (MAX_BYTES + 4)), "inputs[x].data", "larger"),
        (Tensor(_S, (1 << 40,), b"\0" * 4), "inputs[x].data", "too short"),
        (Tensor(_S, (2,), b"\4\0\0\0abcd"), "inputs[x].data", "ends before string 1"),
        (Tensor(_S, (1,), b"\5\0\0\0abcd"), "inputs[x].data", "beyond the end"),
        (Tensor(_S, (1,), b"\1\0\0\0\xff"), "inputs[x].data", "not UTF-8"),
        (Tensor(_S, (1,), b"\1\0\0\0abc"), "inputs[x].data", "2 bytes after the last"),
    ],
)
def test_a_bad_tensor_names_its_field(tensor: Tensor, field: str, says: str) -> None:
    with pytest.raises(InvalidArgument, match=says) as caught:
        decode(tensor, "inputs[x]")
    assert caught.value.fields[0].field == field


@given(st.binary(max_size=64), st.integers(1, 6))
def test_any_bytes_as_strings_are_decoded_or_refused(data: bytes, count: int) -> None:
    try:
        array = decode(Tensor(_S, (count,), data), "inputs[x]")
    except InvalidArgument:
        return
    assert encode(array).data == data
