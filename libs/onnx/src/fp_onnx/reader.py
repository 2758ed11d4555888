"""From the bytes of an ONNX file to a model. The numbers of fields are part of the format (onnx.proto)."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from fp_onnx.graph import CATEGORIES, Attribute, Constant, Graph, Model, Node, TensorInfo
from fp_onnx.lists import MOST, Lists
from fp_onnx.types import value_info
from fp_onnx.wire import Field, Unreadable, Wire, message, number, signed

T = TypeVar("T")

# Longer ones are weights and trees, and no axes or shapes.
_LONGEST: Final = 64
# Names of classes, by which the columns of an answer are called, may be more (`lists.MOST`).
_LABELS: Final = "classlabels_"
# What a OneHotEncoder tells apart; only how many is wanted.
_COUNTED: Final = "cats_"
_INT32: Final = 6
_INT64: Final = 7
_CODES: Final = {_INT32: "i", _INT64: "q"}
_EXTERNAL: Final = 1
_STANDARD: Final = frozenset({"", "ai.onnx"})
# Of graphs inside graphs, each four messages deep; protobuf itself reads a hundred messages.
_DEEPEST: Final = 24
# Names of tensors that are remembered.
_MOST_NAMES: Final = 200_000


def read_model(pieces: Iterable[bytes | memoryview], *, with_nodes: bool = True) -> Model:
    """with_nodes: whether the nodes and the values of small constants are wanted. Raises Unreadable."""
    return _Reader(Wire(pieces), with_nodes=with_nodes).model()


@dataclass(slots=True)
class _Parts:
    """Of a graph."""

    inputs: dict[str, TensorInfo] = field(default_factory=dict)
    outputs: dict[str, TensorInfo] = field(default_factory=dict)
    constants: dict[str, Constant] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)


class _Reader:
    def __init__(self, wire: Wire, *, with_nodes: bool) -> None:
        self._wire = wire
        self._with_nodes = with_nodes
        self._operators: set[tuple[str, str]] = set()
        self._functions: set[tuple[str, str]] = set()
        self._files: set[str] = set()
        self._names = 0

    def model(self) -> Model:
        version, parts = 0, None
        opsets: dict[str, int] = {}
        for found in self._wire.fields():
            match found[0]:
                case 1:
                    version = signed(number(found))
                case 7:
                    parts = self._graph(found, 1)
                case 8:
                    domain, opset = self._opset(found)
                    opsets[domain] = opset
                case 25:
                    self._remember(self._functions, self._function(found))
        if parts is None:
            raise Unreadable("it holds no graph")
        graph = Graph(parts.inputs, parts.outputs, parts.constants, parts.nodes, opsets.get("", 0))
        return Model(version, opsets, self._operators, self._functions, self._files, graph)

    def _opset(self, found: Field) -> tuple[str, int]:
        domain, version = "", 0
        for part in self._wire.fields(message(found)):
            if part[0] == 1:
                domain = _domain(self._wire.text(part))
            elif part[0] == 2:  # noqa: PLR2004 -- a field of OperatorSetIdProto
                version = signed(number(part))
        return domain, version

    def _function(self, found: Field) -> tuple[str, str]:
        """Its body is not looked at: the runtime looks only at the bodies of those that are used."""
        name, domain = "", ""
        for part in self._wire.fields(message(found)):
            if part[0] == 1:
                name = self._wire.text(part)
            elif part[0] == 10:  # noqa: PLR2004 -- a field of FunctionProto
                domain = _domain(self._wire.text(part))
        return domain, name

    def _graph(self, found: Field, depth: int) -> _Parts:
        if depth > _DEEPEST:
            raise Unreadable("its graphs lie too deep in each other")
        parts = _Parts()
        for part in self._wire.fields(message(found)):
            match part[0]:
                case 1:
                    node = self._node(part, depth)
                    if self._with_nodes:
                        parts.nodes.append(node)
                case 5:
                    name, constant = self._tensor(part)
                    parts.constants[self._counted(name)] = constant
                case 15:
                    self._sparse(part)
                case 11:
                    name, info = value_info(self._wire, part)
                    parts.inputs[self._counted(name)] = info
                case 12:
                    name, info = value_info(self._wire, part)
                    parts.outputs[self._counted(name)] = info
        return parts

    def _node(self, found: Field, depth: int) -> Node:
        inputs: list[str] = []
        outputs: list[str] = []
        op, domain = "", ""
        attributes: dict[str, Attribute] = {}
        labels: list[str] = []
        constant: Constant | None = None
        for part in self._wire.fields(message(found)):
            match part[0]:
                case 1 if self._with_nodes:
                    inputs.append(self._wire.text(part))
                case 2 if self._with_nodes:
                    outputs.append(self._wire.text(part))
                case 4:
                    op = self._wire.text(part)
                case 7:
                    domain = _domain(self._wire.text(part))
                case 5:
                    constant = self._attribute(part, attributes, labels, depth) or constant
        self._remember(self._operators, (domain, op))
        return Node(domain, op, inputs, outputs, attributes, constant, labels)

    def _attribute(self, found: Field, known: dict[str, Attribute], texts: list[str], depth: int) -> Constant | None:
        """Adds the attribute, the names of classes to `texts`; the tensor of one that has a tensor."""
        name, lists = "", Lists(texts)
        value: Attribute | None = None
        constant: Constant | None = None
        for part in self._wire.fields(message(found)):
            match part[0]:
                case 1:
                    name = self._wire.text(part)
                case 2 | 3 | 4:
                    value = self._scalar(part)
                case 7 | 8 | 9:
                    if not self._listed(part, name, lists):
                        break
                case _:
                    constant = self._inner(part, depth) or constant
        known[name] = tuple(lists.ints) if value is None else value
        if lists.count:
            known[CATEGORIES] = lists.count
        return constant if constant is not None else _valued(name, known[name])

    def _listed(self, part: Field, name: str, lists: Lists) -> bool:
        """Adds what is wanted of a list; whether to read on. Numbers and texts of trees are a field each, megabytes of
        them, and none is an axis.
        """
        whole, text = part[0] == 8, part[0] == 9  # noqa: PLR2004 -- fields of AttributeProto
        if name.startswith(_COUNTED):
            lists.count += len(self._wire.numbers(part, MOST)) if whole else 1
            return lists.counted()
        if name.startswith(_LABELS):
            lists.ints += self._wire.numbers(part, MOST) if whole else []
            lists.texts += [self._wire.text(part)] if text else []
            return lists.labelled()
        lists.ints += self._wire.numbers(part, _LONGEST) if whole else []
        return whole and len(lists.ints) <= _LONGEST

    def _scalar(self, part: Field) -> Attribute:
        match part[0]:
            case 2:
                return self._float(part)
            case 3:
                return signed(number(part))
            case _:
                return self._bytes(part)

    def _float(self, part: Field) -> float:
        if message(part) - self._wire.at != struct.calcsize("<f"):
            raise Unreadable("it is not written as one")
        value: float = struct.unpack("<f", self._wire.take(message(part)))[0]
        return value

    def _inner(self, part: Field, depth: int) -> Constant | None:
        """Of an attribute: the tensor that it is; tensors and graphs in it are looked at."""
        match part[0]:
            case 5:
                return self._tensor(part)[1]
            case 10:
                self._tensor(part)
            case 6 | 11:
                self._graph(part, depth + 1)
            case 22 | 23:
                self._sparse(part)
        return None

    def _bytes(self, found: Field) -> bytes:
        return self._wire.take(message(found)) if message(found) - self._wire.at <= _LONGEST else b""

    def _sparse(self, found: Field) -> None:
        for part in self._wire.fields(message(found)):
            if part[0] in {1, 2}:
                self._tensor(part)

    def _tensor(self, found: Field) -> tuple[str, Constant]:
        dims: list[int] = []
        values: list[int] = []
        kind, name, raw, place, external = 0, "", b"", "", False
        for part in self._wire.fields(message(found)):
            match part[0]:
                case 1 if len(dims) <= _LONGEST:
                    dims += self._wire.numbers(part, _LONGEST)
                case 2:
                    kind = number(part)
                case 5 | 7 if len(values) <= _LONGEST:
                    values += self._wire.numbers(part, _LONGEST)
                case 8:
                    name = self._wire.text(part)
                case 9:
                    raw = self._raw(part)
                case 13:
                    place = self._place(part) or place
                case 14:
                    external = number(part) == _EXTERNAL
        if external:
            self._remember(self._files, place)
        return name, _constant(kind, tuple(dims), values, raw)

    def _raw(self, found: Field) -> bytes:
        size = message(found) - self._wire.at
        return self._wire.take(message(found)) if size <= _LONGEST * struct.calcsize("q") else b""

    def _place(self, found: Field) -> str:
        """Of external data: the file that an entry of it names."""
        key = value = ""
        for part in self._wire.fields(message(found)):
            if part[0] == 1:
                key = self._wire.text(part)
            elif part[0] == 2:  # noqa: PLR2004 -- a field of StringStringEntryProto
                value = self._wire.text(part)
        return value if key == "location" else ""

    def _remember(self, known: set[T], value: T) -> None:
        if value not in known:
            known.add(self._counted(value))

    def _counted(self, value: T) -> T:
        """Raises Unreadable when it is one too many of what is remembered."""
        self._names += 1
        if self._names > _MOST_NAMES:
            raise Unreadable(f"it has more than {_MOST_NAMES} names")
        return value


def _domain(name: str) -> str:
    return "" if name in _STANDARD else name


def _valued(name: str, found: Attribute) -> Constant | None:
    """The constant of a node whose value is no tensor."""
    if name == "value_ints" and isinstance(found, tuple):
        return Constant((len(found),), found)
    if name in {"value_int", "value_float"}:
        return Constant((), (found,) if isinstance(found, int) else None)
    return None


def _constant(kind: int, dims: tuple[int, ...], values: list[int], raw: bytes) -> Constant:
    code = _CODES.get(kind)
    if code is None:
        return Constant(dims)
    size = struct.calcsize(code)
    if 0 < len(raw) <= size * _LONGEST and len(raw) % size == 0:
        values = list(struct.unpack(f"<{len(raw) // size}{code}", raw))
    return Constant(dims, tuple(values) if len(values) <= _LONGEST else None)
