"""Reading ONNX files: in pieces of any size, and whatever the bytes are."""

import tracemalloc
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import onnx
import pytest
from fp_onnx import Graph, Unreadable, read_model, wire
from fp_onnx.graph import NO_TENSOR, Form, TensorInfo
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
SCALAR = helper.make_tensor_type_proto(FLOAT, [])
MEBIBYTE = 1024 * 1024


def made(name: str = "w") -> onnx.ModelProto:
    """A branch inside an operator, a function of its own, a constant, and an output that is no tensor."""
    inner = helper.make_graph(
        [helper.make_node("Gelu", ["x"], ["z"], domain="com.microsoft")],
        "inner",
        [],
        [helper.make_tensor_value_info("z", FLOAT, ["n", 2])],
    )
    nodes = [
        helper.make_node("If", ["flag"], ["y"], then_branch=inner, else_branch=inner),
        helper.make_node("Twice", ["y"], ["v"], domain="own"),
        helper.make_node("ReduceSum", ["v", name], ["s"], keepdims=1),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", FLOAT, ["n", 2]), helper.make_tensor_value_info("flag", 9, [])],
        [
            helper.make_tensor_value_info("s", FLOAT, None),
            helper.make_value_info("m", helper.make_map_type_proto(TensorProto.INT64, SCALAR)),
        ],
        [numpy_helper.from_array(np.array([1], np.int64), name)],
    )
    twice = helper.make_function(
        "own", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])], [helper.make_opsetid("", 17)]
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, functions=[twice], ir_version=8)


MADE = made().SerializeToString()


def test_a_model_is_read_with_what_lies_inside_its_operators() -> None:
    model = read_model([MADE])
    assert (model.ir_version, model.opsets) == (8, {"": 17, "own": 1, "com.microsoft": 1})
    assert model.operators == {("", "If"), ("com.microsoft", "Gelu"), ("own", "Twice"), ("", "ReduceSum")}
    assert model.functions == {("own", "Twice")}
    assert model.files == set()
    graph = model.graph
    assert graph.inputs == {"x": TensorInfo(FLOAT, (None, 2)), "flag": TensorInfo(TensorProto.BOOL, ())}
    assert graph.outputs == {"s": TensorInfo(FLOAT), "m": TensorInfo(NO_TENSOR, form=Form.OTHER)}
    assert (graph.constants["w"].dims, graph.constants["w"].values) == ((1,), (1,))
    assert [node.op for node in graph.nodes] == ["If", "Twice", "ReduceSum"]
    assert graph.nodes[2].attributes == {"keepdims": 1}


def test_without_nodes_everything_else_is_the_same() -> None:
    whole, short = read_model([MADE]), read_model([MADE], with_nodes=False)
    graph = whole.graph
    assert short.graph == Graph(graph.inputs, graph.outputs, graph.constants, [], graph.opset)
    assert short.operators == whole.operators


@given(st.lists(st.integers(1, 60), max_size=40))
def test_pieces_of_any_size_give_the_same_model(sizes: list[int]) -> None:
    assert read_model(_cut(MADE, sizes)) == read_model([MADE])


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_unreadable(content: bytes) -> None:
    _read_or_unreadable(content)


@given(st.integers(0, len(MADE)), st.binary(max_size=8), st.integers(0, 8), st.lists(st.integers(1, 60), max_size=10))
def test_a_damaged_model_is_read_or_unreadable(at: int, put: bytes, taken: int, sizes: list[int]) -> None:
    _read_or_unreadable(MADE[:at] + put + MADE[at + taken :], sizes)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no graph"),
        (onnx.ModelProto(ir_version=8).SerializeToString(), "no graph"),
        (b"no model at all", "not written as one"),
        (MADE[:-3], "ends early"),
        (b"\x3a\xff\xff\xff\x0f", "ends early"),
        (b"\x38\x01", "not written as one"),
    ],
)
def test_what_is_no_model_is_said_to_be_none(content: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read_model([content])


def test_weights_pass_by_and_are_not_held() -> None:
    weights, piece = 300 * MEBIBYTE, bytes(MEBIBYTE)
    tensor = b"\x08" + _varint(weights // 4) + b"\x10\x01\x42\x01w\x4a" + _varint(weights)
    initializer = b"\x2a" + _varint(len(tensor) + weights) + tensor
    rest = onnx.load_from_string(MADE).graph.SerializeToString()
    head = b"\x3a" + _varint(len(rest) + len(initializer) + weights) + rest + initializer
    pieces = [head, *[piece] * 300]
    tracemalloc.start()
    model = read_model(pieces, with_nodes=False)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert model.graph.constants["w"].dims == (weights // 4,)
    assert most < MEBIBYTE


def test_a_file_that_is_made_to_cost_much_is_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_MOST_FIELDS", 1_000)
    with pytest.raises(Unreadable, match="more than 1000 parts"):
        read_model([b"\x3a\xd0\x0f" + b"\x0a\x00" * 1_000])


def test_graphs_that_lie_too_deep_are_unreadable() -> None:
    content = b""
    for _ in range(200):
        attribute = b"\x32" + _varint(len(content)) + content
        node = b"\x2a" + _varint(len(attribute)) + attribute
        content = b"\x0a" + _varint(len(node)) + node
    with pytest.raises(Unreadable, match="too deep"):
        read_model([b"\x3a" + _varint(len(content)) + content])


def _read_or_unreadable(content: bytes, sizes: list[int] | None = None) -> None:
    with suppress(Unreadable):
        read_model(_cut(content, sizes or []))


def _cut(content: bytes, sizes: list[int]) -> Iterator[bytes]:
    for size in sizes:
        yield content[:size]
        content = content[size:]
    yield content


def _varint(value: int) -> bytes:
    found = b""
    while value >= 128:
        found += bytes([value % 128 | 128])
        value //= 128
    return found + bytes([value])
