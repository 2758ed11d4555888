"""Tensors are as long as they say, and inputs are what the signature says."""

import struct

import pytest
from fp_kernel import InvalidArgument
from fp_kernel.signatures import UNDECLARED, Column, Signature, TensorSpec, check_tensors
from fp_kernel.tensors import MAX_BYTES, ElementType, Tensor
from hypothesis import given
from hypothesis import strategies as st

_F = ElementType.FLOAT32
_S = ElementType.STRING
_SIGNATURE = Signature(
    inputs=(
        TensorSpec("features", _F, (-1, 3), (Column("hour"), Column("distance"), Column("carrier", ("UA", "DL")))),
        TensorSpec("origin", _S, (-1,)),
    )
)
_FEATURES = Tensor(_F, (2, 3), b"\0" * 24)
_ORIGIN = Tensor(_S, (2,), b"\0" * 8)


@pytest.mark.parametrize(
    ("tensor", "field", "says"),
    [
        (Tensor(_F, (2, 3), b"\0" * 23), "inputs[features].data", "must be 24 bytes"),
        (Tensor(_F, (1 << 40, 1 << 40), b""), "inputs[features].data", "must be"),
        (Tensor(_F, (-1,), b""), "inputs[features].shape", "at least 1"),
        (Tensor(_F, (1,) * 9, b"\0" * 4), "inputs[features].shape", "at most 8"),
        (Tensor(_F, (MAX_BYTES,), b"\0" * (MAX_BYTES + 1)), "inputs[features].data", "larger"),
        (Tensor(_S, (3,), b"\0" * 8), "inputs[features].data", "too short"),
        (Tensor(_S, (2,), b"\4\0\0\0abcd"), "inputs[features].data", "ends before string 1"),
        (Tensor(_S, (1,), b"\2\0\0\0abcd"), "inputs[features].data", "2 bytes after the last"),
    ],
)
def test_a_tensor_of_the_wrong_length_names_its_field(tensor: Tensor, field: str, says: str) -> None:
    with pytest.raises(InvalidArgument, match=says) as caught:
        check_tensors({"features": tensor})
    assert caught.value.fields[0].field == field


def test_a_request_without_tensors_or_with_too_many_is_refused() -> None:
    for inputs in ({}, {str(number): _FEATURES for number in range(65)}):
        with pytest.raises(InvalidArgument) as caught:
            check_tensors(inputs)
        assert caught.value.fields[0].field == "inputs"


def test_what_fits_the_signature_passes() -> None:
    inputs = {"features": _FEATURES, "origin": _ORIGIN}
    check_tensors(inputs)
    _SIGNATURE.check(inputs)
    UNDECLARED.check({"anything": _FEATURES})


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ({"features": _FEATURES}, "inputs[origin]"),
        ({"features": _FEATURES, "origin": _ORIGIN, "extra": _ORIGIN}, "inputs[extra]"),
        ({"features": _ORIGIN, "origin": _ORIGIN}, "inputs[features].dtype"),
        ({"features": Tensor(_F, (6,), b"\0" * 24), "origin": _ORIGIN}, "inputs[features].shape"),
        ({"features": Tensor(_F, (2, 4), b"\0" * 32), "origin": _ORIGIN}, "inputs[features].shape"),
    ],
)
def test_what_does_not_fit_the_signature_names_its_field(inputs: dict[str, Tensor], field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        _SIGNATURE.check(inputs)
    assert caught.value.fields[0].field == field


def test_columns_bind_the_last_axis_when_the_shape_does_not() -> None:
    signature = Signature((TensorSpec("x", _F, (-1, -1), (Column("a"), Column("b"))),))
    with pytest.raises(InvalidArgument, match="must have 2 columns, has 3"):
        signature.check({"x": Tensor(_F, (1, 3), b"\0" * 12)})


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=8), min_size=1, max_size=8))
def test_strings_are_read_as_they_were_written(texts: list[str]) -> None:
    data = b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in texts)
    tensor = Tensor(_S, (len(texts),), data)
    tensor.check("x")
    assert list(tensor.strings(len(texts))) == texts


@given(st.binary(max_size=64), st.integers(1, 6))
def test_strings_that_pass_the_check_can_be_read(data: bytes, count: int) -> None:
    tensor = Tensor(_S, (count,), data)
    try:
        tensor.check("x")
    except InvalidArgument:
        return
    assert len(tensor.strings(count)) == count
