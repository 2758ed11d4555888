"""The graph of an ONNX file, read from its protobuf.

The `onnx` package reads it as well, but takes 60 MB of an image and a second of each start; the ONNX Runtime has no
reader of graphs. What is needed are a dozen fields of five messages, whose numbers are part of the format (onnx.proto).
"""

import mmap
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from fp_serving.domain.graph import Attribute, Constant, Graph, Node

# Longer ones are weights and trees, and no axes or shapes.
_LONGEST: Final = 64
_INT32: Final = 6
_INT64: Final = 7
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_INT64_BITS: Final = 64
_CONTINUED: Final = 0x80
_NAME, _TYPE = 1, 2

Field = tuple[int, Any]


class Unreadable(Exception):
    """The file is no graph that this reader knows."""


def read_graph(path: Path) -> Graph:
    """Raises Unreadable, OSError."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        view = memoryview(mapped)
        try:
            return _model(view)
        except (IndexError, ValueError, struct.error) as error:
            raise Unreadable(str(error)) from None
        finally:
            view.release()


def _model(view: memoryview) -> Graph:
    graph: memoryview | None = None
    opset = 0
    for number, value in _fields(view):
        match number:
            case 7:
                graph = value
            case 8:
                parts = dict(_fields(value))
                if _text(parts.get(1, b"")) in {"", "ai.onnx"}:
                    opset = int(parts.get(2, 0))
    if graph is None:
        raise ValueError("there is no graph")
    return _graph(graph, opset)


def _graph(view: memoryview, opset: int) -> Graph:
    inputs: dict[str, tuple[int | None, ...]] = {}
    constants: dict[str, Constant] = {}
    nodes: list[Node] = []
    for number, value in _fields(view):
        match number:
            case 1:
                nodes.append(_node(value))
            case 5:
                name, constant = _tensor(value)
                constants[name] = constant
            case 11:
                name, shape = _value_info(value)
                if shape is not None:
                    inputs[name] = shape
    return Graph(inputs, constants, nodes, opset)


def _node(view: memoryview) -> Node:
    inputs: list[str] = []
    outputs: list[str] = []
    texts = {4: "", 7: ""}
    attributes: dict[str, Attribute] = {}
    constant: Constant | None = None
    for number, value in _fields(view):
        match number:
            case 1:
                inputs.append(_text(value))
            case 2:
                outputs.append(_text(value))
            case 4 | 7:
                texts[number] = _text(value)
            case 5:
                constant = _attribute(value, attributes) or constant
    domain = "" if texts[7] == "ai.onnx" else texts[7]
    return Node(domain, texts[4], inputs, outputs, attributes, constant)


def _attribute(view: memoryview, known: dict[str, Attribute]) -> Constant | None:
    """Adds the attribute; the tensor of one that has a tensor."""
    name, found, ints = "", None, list[int]()
    constant: Constant | None = None
    for number, value in _fields(view):
        match number:
            case 1:
                name = _text(value)
            case 2:
                found = struct.unpack("<f", value)[0]
            case 3:
                found = _signed(value)
            case 4:
                found = bytes(value) if len(value) <= _LONGEST else b""
            case 5:
                _, constant = _tensor(value)
            case 8:
                ints += _ints(value)
                if len(ints) > _LONGEST:
                    break
            case 7 | 9:
                # Numbers and texts of trees: a field each, megabytes of them, and none is an axis.
                break
    known[name] = tuple(ints) if found is None else found
    return constant if constant is not None else _valued(name, known[name])


def _valued(name: str, found: Attribute) -> Constant | None:
    """The constant of a node whose value is no tensor."""
    if name == "value_ints" and isinstance(found, tuple):
        return Constant((len(found),), found)
    if name in {"value_int", "value_float"}:
        return Constant((), (found,) if isinstance(found, int) else None)
    return None


def _tensor(view: memoryview) -> tuple[str, Constant]:
    dims: list[int] = []
    values: list[int] = []
    kind, name, raw = 0, "", memoryview(b"")
    for number, value in _fields(view):
        match number:
            case 1:
                dims += _ints(value)
            case 2:
                kind = int(value)
            case 5 | 7 if len(values) <= _LONGEST:
                values += _ints(value)
            case 8:
                name = _text(value)
            case 9:
                raw = value
    codes: Mapping[int, str] = {_INT32: "i", _INT64: "q"}
    if kind not in codes:
        return name, Constant(tuple(dims))
    size = struct.calcsize(codes[kind])
    if 0 < len(raw) <= size * _LONGEST and len(raw) % size == 0:
        values = list(struct.unpack(f"<{len(raw) // size}{codes[kind]}", raw))
    return name, Constant(tuple(dims), tuple(values) if len(values) <= _LONGEST else None)


def _value_info(view: memoryview) -> tuple[str, tuple[int | None, ...] | None]:
    name, shape = "", None
    for number, value in _fields(view):
        if number == _NAME:
            name = _text(value)
        elif number == _TYPE:
            tensor = dict(_fields(value)).get(1)
            found = dict(_fields(tensor)).get(2) if tensor is not None else None
            if found is not None:
                shape = tuple(_axis(axis) for at, axis in _fields(found) if at == 1)
    return name, shape


def _axis(view: memoryview) -> int | None:
    size = dict(_fields(view)).get(1)
    return size if isinstance(size, int) and size > 0 else None


def _ints(value: Any) -> list[int]:
    """One number, or packed ones, of which the first are enough to see that there are too many."""
    if isinstance(value, int):
        return [_signed(value)]
    found: list[int] = []
    at = 0
    while at < len(value) and len(found) <= _LONGEST:
        number, at = _varint(value, at)
        found.append(_signed(number))
    return found


def _fields(view: memoryview) -> Iterator[Field]:
    """Numbers as they are, all else as the bytes that it has."""
    at = 0
    while at < len(view):
        tag, at = _varint(view, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(view, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(view, at)
        elif kind in {_FIXED64, _FIXED32}:
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if at + size > len(view):
            raise ValueError("the file ends early")
        yield number, view[at : at + size]
        at += size


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = view[at]
        at += 1
        value |= (byte % _CONTINUED) << shift
        if byte < _CONTINUED:
            return value, at
        shift += 7
        if shift >= _INT64_BITS + 6:
            raise ValueError("a number is too long")


def _signed(value: int) -> int:
    return value - (1 << _INT64_BITS) if value >= 1 << (_INT64_BITS - 1) else value


def _text(value: Any) -> str:
    return bytes(value).decode()
