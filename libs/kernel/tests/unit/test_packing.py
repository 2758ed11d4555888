"""Values as JSON has them, and their bytes."""

import json
import math
import struct
from typing import Any

import pytest
from fp_kernel import InvalidArgument
from fp_kernel.packing import nest, pack, shortest, unpack
from fp_kernel.tensors import ElementType, Tensor
from hypothesis import given
from hypothesis import strategies as st

_F32, _F64 = ElementType.FLOAT32, ElementType.FLOAT64
_HALVES = (ElementType.FLOAT16, ElementType.BFLOAT16)
_LARGEST_BFLOAT16 = 3.3961775292304957e38  # from here on the nearest one is infinity
_RANGES = {
    ElementType.INT8: (-(2**7), 2**7 - 1),
    ElementType.UINT8: (0, 2**8 - 1),
    ElementType.INT16: (-(2**15), 2**15 - 1),
    ElementType.UINT16: (0, 2**16 - 1),
    ElementType.UINT32: (0, 2**32 - 1),
    ElementType.UINT64: (0, 2**64 - 1),
}
_SHAPES = st.lists(st.integers(0, 3), min_size=1, max_size=4)


def _refused(data: Any, element: ElementType, shape: list[int] | None = None) -> str:
    with pytest.raises(InvalidArgument) as caught:
        pack(data, element, "x.data", shape)
    assert [violation.field for violation in caught.value.fields] == ["x.data"]
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([[1, 2], [3], [4, 5, 6]], "different lengths: number 1 has 1 elements, the first 2"),
        ([[1, 2], [3, 4, 5]], "different lengths"),
        ([[1, 2], 3], "arrays beside values"),
        ([[[1], [2]], [[3], [4, 5]]], "different lengths"),
    ],
)
def test_rows_of_different_lengths_are_refused_and_not_cut_anew(data: Any, words: str) -> None:
    assert words in _refused(data, _F32)
    assert words in _refused(data, _F32, [3, 2])


def test_data_that_is_nested_otherwise_than_its_shape_is_refused() -> None:
    assert "nested as [2, 3]; the shape is [3, 2]" in _refused([[1, 2, 3], [4, 5, 6]], _F32, [3, 2])
    assert pack([1, 2, 3, 4, 5, 6], _F32, "x", [3, 2]).shape == (3, 2)


def test_arrays_in_arrays_without_end_are_refused() -> None:
    deep: Any = 1
    for _ in range(5_000):
        deep = [deep]
    assert "deeper" in _refused(deep, _F32)


@pytest.mark.parametrize(
    ("element", "value"),
    [
        *((ElementType.STRING, value) for value in (None, 5, True, 1.5, b"x", "\ud800")),
        *((element, value) for element in (_F32, _F64) for value in (True, "one", "nan", "inf", "1.5", {})),
        *((ElementType.INT64, value) for value in (True, 1.0, 2**63, "1.0", None, "NaN")),
        (ElementType.INT32, 2**31),
        *((ElementType.BOOL, value) for value in (2, -1, 1.0, "true", None)),
        *((_F32, value) for value in (1e39, -3.5e38, 10**39, 10**400)),
        (_F64, 10**400),
        *((element, value) for element in _HALVES for value in (True, "1.5", 1e39, 10**400)),
        (ElementType.FLOAT16, 65520.0),
        (ElementType.BFLOAT16, 3.4e38),
        *((element, value) for element, limits in _RANGES.items() for value in (limits[0] - 1, limits[1] + 1, 1.5)),
    ],
)
def test_a_value_that_is_no_such_element_is_refused(element: ElementType, value: Any) -> None:
    _refused([value], element)
    fitting = {ElementType.STRING: "a", ElementType.BOOL: True}.get(element, 1)
    _refused([fitting, value], element)


@pytest.mark.parametrize("element", [_F32, _F64, *_HALVES])
def test_missing_values_and_infinities_are_read_as_they_are_written(element: ElementType) -> None:
    tensor = pack([1.5, None, "NaN", "Infinity", "-Infinity", math.inf, math.nan], element, "x")
    assert unpack(tensor) == [1.5, "NaN", "NaN", "Infinity", "-Infinity", "Infinity", "NaN"]
    assert unpack(pack(unpack(tensor), element, "x")) == unpack(tensor)
    json.dumps(unpack(tensor), allow_nan=False)


def test_numbers_are_little_endian_and_row_major() -> None:
    assert pack([[1, 2], [3, 4]], ElementType.INT32, "x").data == struct.pack("<4i", 1, 2, 3, 4)
    assert pack([True, 0], ElementType.BOOL, "x").data == b"\x01\x00"
    assert pack("ü", ElementType.STRING, "x").data == b"\x02\x00\x00\x00\xc3\xbc"


def test_a_value_alone_is_a_scalar() -> None:
    tensor = pack(7, ElementType.INT64, "x")
    assert tensor.shape == ()
    assert nest(unpack(tensor), ()) == 7


def _bfloat16(bits: int) -> float:
    number: float = struct.unpack("<f", struct.pack("<I", bits << 16))[0]
    return number


@given(st.floats(width=32))
def test_a_number_becomes_the_nearest_bfloat16(value: float) -> None:
    if math.isfinite(value) and abs(value) > _LARGEST_BFLOAT16:
        _refused([value], ElementType.BFLOAT16)
        return
    tensor = pack([value], ElementType.BFLOAT16, "x")
    found = float(tensor.number(0))
    if not math.isfinite(value):
        assert repr(found) == repr(value)
        return
    bits = struct.unpack("<H", tensor.data)[0]
    near = [_bfloat16(each) for each in (bits - 1, bits + 1) if 0 <= each <= 0xFFFF]
    assert all(abs(found - value) <= abs(each - value) for each in near if math.isfinite(each))


@pytest.mark.parametrize(("value", "bits"), [(1 + 2**-8, 0x3F80), (1 + 3 * 2**-8, 0x3F82), (-(1 + 2**-8), 0xBF80)])
def test_halfway_between_two_bfloat16_the_even_one_is_taken(value: float, bits: int) -> None:
    assert pack([value], ElementType.BFLOAT16, "x").data == struct.pack("<H", bits)


@given(st.data(), _SHAPES, st.sampled_from(list(ElementType)))
def test_what_was_packed_comes_back(data: st.DataObject, shape: list[int], element: ElementType) -> None:
    values = {
        _F32: st.floats(width=32, allow_nan=False, allow_infinity=False),
        _F64: st.floats(allow_nan=False, allow_infinity=False),
        ElementType.INT32: st.integers(-(2**31), 2**31 - 1),
        ElementType.INT64: st.integers(-(2**63), 2**63 - 1),
        ElementType.BOOL: st.booleans(),
        ElementType.STRING: st.text(max_size=5),
        ElementType.FLOAT16: st.floats(width=16, allow_nan=False, allow_infinity=False),
        ElementType.BFLOAT16: st.integers(0, 0xFFFF).map(_bfloat16).filter(math.isfinite),
        ElementType.INT8: st.integers(-(2**7), 2**7 - 1),
        ElementType.UINT8: st.integers(0, 2**8 - 1),
        ElementType.INT16: st.integers(-(2**15), 2**15 - 1),
        ElementType.UINT16: st.integers(0, 2**16 - 1),
        ElementType.UINT32: st.integers(0, 2**32 - 1),
        ElementType.UINT64: st.integers(0, 2**64 - 1),
    }[element]
    flat = data.draw(st.lists(values, min_size=math.prod(shape), max_size=math.prod(shape)))
    tensor = pack(flat, element, "x", shape)
    tensor.check_size("x") if 0 not in shape else None
    assert unpack(tensor) == flat
    nested = nest(flat, shape)
    if 0 not in shape:
        assert pack(nested, element, "x") == tensor
        assert nest(unpack(tensor), shape) == nested


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_a_whole_number_of_64_bits_may_be_its_text(numbers: list[int]) -> None:
    mixed = [str(number) if at % 2 else number for at, number in enumerate(numbers)]
    assert unpack(pack(mixed, ElementType.INT64, "x.data")) == numbers
    unsigned = [str(number % 2**64) for number in numbers]
    assert unpack(pack(unsigned, ElementType.UINT64, "x.data")) == list(map(int, unsigned))


@pytest.mark.parametrize("value", ["1.0", "", "nine", str(2**64), "-0"])
def test_another_text_is_no_whole_number(value: str) -> None:
    assert "element 1 must be a whole number" in _refused([0, value], ElementType.INT64)


def test_only_whole_numbers_of_64_bits_may_be_texts() -> None:
    assert "element 0 must be a whole number" in _refused(["1"], ElementType.INT32)
    _refused(["1"], _F64)


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_the_shortest_text_of_an_element_is_that_element_again(number):
    for element in (_F32, _F64):
        text = shortest(number, element)
        assert pack(float(text), element, "x", ()).number(0) == number
        assert len(text) <= len(repr(number))


@given(st.sampled_from(_HALVES), st.binary(min_size=2, max_size=2))
def test_the_shortest_text_of_a_half_is_that_half_again(element, data):
    number = Tensor(element, (), data).number(0)
    if math.isfinite(number):
        text = shortest(number, element)
        assert pack(float(text), element, "x", ()).number(0) == number


@pytest.mark.parametrize(
    ("element", "number", "text"),
    [
        (_F32, 0.10000000149011612, "0.1"),
        (_F64, 0.10000000149011612, "0.10000000149011612"),
        (_F32, 16777217.5, "16777218.0"),
        (_F32, 3.4028234663852886e38, "3.4028235e+38"),
        (ElementType.FLOAT16, 65504.0, "65500.0"),
        (ElementType.FLOAT16, 0.0999755859375, "0.1"),
    ],
)
def test_numbers_are_written_as_people_do(element, number, text):
    assert shortest(struct.unpack("<f", struct.pack("<f", number))[0] if element is _F32 else number, element) == text
