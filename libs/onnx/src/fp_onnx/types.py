"""Types of values in an ONNX file: tensors, and what may hold them."""

from dataclasses import replace
from typing import Final

from fp_onnx.graph import NO_TENSOR, UNKNOWN, Form, TensorInfo
from fp_onnx.wire import Field, Wire, message, number, signed

_NAME, _TYPE = 1, 2
_NOTHING: Final = TensorInfo(NO_TENSOR, form=Form.OTHER)


def value_info(wire: Wire, found: Field) -> tuple[str, TensorInfo]:
    name, info = "", TensorInfo()
    for part in wire.fields(message(found)):
        if part[0] == _NAME:
            name = wire.text(part)
        elif part[0] == _TYPE:
            info = _type(wire, part)
    return name, info


def _type(wire: Wire, found: Field) -> TensorInfo:
    info = TensorInfo()
    for part in wire.fields(message(found)):
        if part[0] == 1:
            info = _tensor_type(wire, part)
        elif part[0] == 4:  # noqa: PLR2004 -- a field of TypeProto
            info = _sequence(wire, part)
        elif part[0] in {5, 8, 9}:
            info = _NOTHING
    return info


def _sequence(wire: Wire, found: Field) -> TensorInfo:
    """Of tensors, or of maps from a key to a tensor; the key may be of any type."""
    for part in wire.fields(message(found)):
        for inner in wire.fields(message(part)) if part[0] == 1 else ():
            if inner[0] == 1:
                return replace(_tensor_type(wire, inner), form=Form.SEQUENCE)
            if inner[0] == 5:  # noqa: PLR2004 -- a field of TypeProto
                return _map(wire, inner)
    return _NOTHING


def _map(wire: Wire, found: Field) -> TensorInfo:
    for part in wire.fields(message(found)):
        for inner in wire.fields(message(part)) if part[0] == 2 else ():  # noqa: PLR2004 -- of TypeProto.Map
            if inner[0] == 1:
                return replace(_tensor_type(wire, inner), form=Form.MAPS)
    return _NOTHING


def _tensor_type(wire: Wire, found: Field) -> TensorInfo:
    element, shape = UNKNOWN, None
    for part in wire.fields(message(found)):
        if part[0] == 1:
            element = number(part)
        elif part[0] == 2:  # noqa: PLR2004 -- a field of TypeProto.Tensor
            shape = tuple(_axis(wire, axis) for axis in wire.fields(message(part)) if axis[0] == 1)
    return TensorInfo(element, shape)


def _axis(wire: Wire, found: Field) -> int | None:
    size: int | None = None
    for part in wire.fields(message(found)):
        if part[0] == 1:
            size = signed(number(part))
    return size if size is not None and size > 0 else None
