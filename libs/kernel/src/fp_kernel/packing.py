"""Tensors as people write them in JSON, and as bytes on the wire: the one place where values meet their element type.

Nothing is changed silently: what does not fit is refused by name. JSON has no NaN and no infinities; both ways they are
the strings that protojson writes, and a missing value (null) is NaN. A whole number of 64 bits may be the string that
protojson writes for it, because programs that read numbers of JSON as doubles cannot write those beyond 2^53.
"""

import math
import struct
from array import array
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from fp_kernel.errors import invalid
from fp_kernel.integers import int64_of, uint64_of
from fp_kernel.tensors import FLOATS, ElementType, Tensor, little, narrowed, widened

# More axes than any model is served with.
_DEEPEST: Final = 32
# Of `array`, which has none for the two floats of 16 bits.
_CODES: Final[Mapping[ElementType, str]] = {
    ElementType.FLOAT32: "f",
    ElementType.FLOAT64: "d",
    ElementType.INT32: "i",
    ElementType.INT64: "q",
    ElementType.BOOL: "B",
    ElementType.INT8: "b",
    ElementType.UINT8: "B",
    ElementType.INT16: "h",
    ElementType.UINT16: "H",
    ElementType.UINT32: "I",
    ElementType.UINT64: "Q",
}
_WORDS: Final[Mapping[Any, float]] = {
    None: math.nan,
    "NaN": math.nan,
    "Infinity": math.inf,
    "-Infinity": -math.inf,
}
# Programs that read numbers of JSON as doubles cannot write all of these.
_TEXTS: Final[Mapping[ElementType, Callable[[str], int]]] = {
    ElementType.INT64: int64_of,
    ElementType.UINT64: uint64_of,
}
# Of `struct`, those whose numbers have fewer digits than a double; bfloat16 has none.
_SHORT: Final[Mapping[ElementType, str]] = {
    ElementType.FLOAT32: "<f",
    ElementType.FLOAT16: "<e",
    ElementType.BFLOAT16: "",
}
# Of a float32 nine are always enough.
_DIGITS: Final = 10
_HALF_BYTES: Final = 2
_LENGTH_BYTES: Final = 4

Kinds = frozenset[type]


def pack(data: Any, element: ElementType, field: str, shape: Sequence[int] | None = None) -> Tensor:
    """The tensor of a value, or of arrays nested as deep as the shape.

    shape: may be left out for nested arrays; with one, flat data is also taken. field: of the data.
    Raises InvalidArgument naming it for arrays of different lengths, a shape that the data does not have, and values
    that are no such elements.
    """
    nested, flat = _regular(data, field) if isinstance(data, list) else ((), [data])
    wanted = tuple(shape) if shape is not None else nested
    if math.prod(wanted) != len(flat):
        raise invalid(field, f"has {len(flat)} elements; the shape {list(wanted)} needs {math.prod(wanted)}")
    if len(nested) > 1 and nested != wanted:
        raise invalid(field, f"is nested as {list(nested)}; the shape is {list(wanted)}")
    return Tensor(element, wanted, _packed(flat, element, field))


def unpack(tensor: Tensor) -> list[Any]:
    """The elements of a checked tensor as JSON writes them, flat."""
    if tensor.element is ElementType.STRING:
        return list(tensor.strings(tensor.count))
    values = _values(tensor)
    if tensor.element is ElementType.BOOL:
        return [bool(value) for value in values]
    return [_word(value) for value in values] if tensor.element in FLOATS else list(values)


def shortest(number: float, element: ElementType) -> str:
    """As people write a finite element of the type: the fewest digits that are this number there. 0.1 and not
    0.10000000149011612.
    """
    if element in _SHORT:
        for digits in range(1, _DIGITS):
            rounded = float(f"{number:.{digits}g}")
            if _rounds_to(rounded, number, element):
                return repr(rounded)
    return repr(number)


def _rounds_to(rounded: float, number: float, element: ElementType) -> bool:
    try:
        if element is ElementType.BFLOAT16:
            return widened(narrowed(array("f", [rounded])))[0] == number
        code = _SHORT[element]
        return bool(struct.unpack(code, struct.pack(code, rounded))[0] == number)
    except OverflowError:
        # The next number above the largest one there is.
        return False


def nest(flat: Sequence[Any], shape: Sequence[int]) -> Any:
    """Elements as arrays of the shape; the one of a scalar as it is."""
    if len(shape) <= 1:
        return list(flat) if shape else flat[0]
    step = len(flat) // shape[0] if shape[0] else 0
    return [nest(flat[index * step : (index + 1) * step], shape[1:]) for index in range(shape[0])]


def _regular(data: list[Any], field: str) -> tuple[tuple[int, ...], list[Any]]:
    """Shape and elements. Level by level: a recursion would be ended by a deep enough document."""
    shape, level = [len(data)], data
    while list in (kinds := set(map(type, level))):
        if len(shape) >= _DEEPEST:
            raise invalid(field, f"is nested deeper than {_DEEPEST} arrays")
        if len(kinds) > 1:
            raise invalid(field, f"has arrays beside values on level {len(shape)}")
        size = len(level[0])
        odd = next((at for at, item in enumerate(level) if len(item) != size), None)
        if odd is not None:
            raise invalid(
                field, f"has arrays of different lengths: number {odd} has {len(level[odd])} elements, the first {size}"
            )
        shape.append(size)
        level = list(chain.from_iterable(level))
    return tuple(shape), level


def _packed(flat: list[Any], element: ElementType, field: str) -> bytes:
    if element is ElementType.STRING:
        return b"".join(_string(value, at, field) for at, value in enumerate(flat))
    kinds = frozenset(map(type, flat))
    if element is ElementType.BOOL:
        _check(flat, field, "true or false", lambda value: type(value) in {bool, int} and value in (0, 1))
    elif element in FLOATS:
        flat = _numbers(flat, kinds, field)
    elif not kinds <= {int}:
        flat = _whole(flat, element, field)
    try:
        data = _elements(flat, element)
    except (OverflowError, TypeError, ValueError, struct.error):
        raise invalid(field, f"holds a number that no {element} can hold") from None
    if element in FLOATS and _infinite(_values(Tensor(element, (len(flat),), data))) != _infinite(flat):
        raise invalid(field, f"holds a number that is too large for {element}")
    return data


def _elements(flat: list[Any], element: ElementType) -> bytes:
    """Raises OverflowError, TypeError, ValueError and struct.error for what does not fit."""
    if element is ElementType.FLOAT16:
        return struct.pack(f"<{len(flat)}e", *flat)
    if element is ElementType.BFLOAT16:
        return little(narrowed(array("f", flat))).tobytes()
    return little(array(_CODES[element], flat)).tobytes()


def _values(tensor: Tensor) -> Sequence[Any]:
    """Of a checked tensor of numbers; booleans as 0 and 1."""
    if tensor.element is ElementType.FLOAT16:
        return struct.unpack(f"<{len(tensor.data) // _HALF_BYTES}e", tensor.data)
    values: array[Any] = array("H" if tensor.element is ElementType.BFLOAT16 else _CODES[tensor.element])
    values.frombytes(tensor.data)
    little(values)
    return widened(values) if tensor.element is ElementType.BFLOAT16 else values


def _numbers(flat: list[Any], kinds: Kinds, field: str) -> list[Any]:
    if kinds <= {int, float}:
        return flat
    _check(flat, field, "a number, null, NaN, Infinity or -Infinity", _is_number)
    return [_WORDS[value] if value is None or isinstance(value, str) else value for value in flat]


def _whole(flat: list[Any], element: ElementType, field: str) -> list[int]:
    numbers: list[int] = []
    read = _TEXTS.get(element)
    for at, value in enumerate(flat):
        try:
            numbers.append(read(value) if read is not None and isinstance(value, str) else value)
        except ValueError:
            raise invalid(field, f"element {at} must be a whole number") from None
    _check(numbers, field, "a whole number", lambda value: type(value) is int)
    return numbers


def _is_number(value: Any) -> bool:
    return type(value) in {int, float} or value is None or (isinstance(value, str) and value in _WORDS)


def _infinite(values: Any) -> int:
    found: int = values.count(math.inf) + values.count(-math.inf)
    return found


def _check(flat: Sequence[Any], field: str, wanted: str, fits: Callable[[Any], bool]) -> None:
    at = next((at for at, value in enumerate(flat) if not fits(value)), None)
    if at is not None:
        raise invalid(field, f"element {at} must be {wanted}")


def _string(value: Any, at: int, field: str) -> bytes:
    try:
        encoded: bytes = value.encode() if isinstance(value, str) else b""
    except UnicodeEncodeError:
        raise invalid(field, f"element {at} is no text") from None
    if not isinstance(value, str):
        raise invalid(field, f"element {at} must be a string")
    return len(encoded).to_bytes(_LENGTH_BYTES, "little") + encoded


def _word(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
