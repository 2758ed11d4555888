"""Whether callers may share a run is read from the graph."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from fp_onnx import Unreadable
from fp_serving.adapters.onnx import OnnxEngine, read_file
from fp_serving.app.load import _load
from fp_testkit.examples import examples
from fp_testkit.wallclock import RunningClock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from onnxruntime.quantization import quantize_dynamic

ModelMaker = Callable[..., Path]
_ENGINE = OnnxEngine(threads=1)
_FLOAT = TensorProto.FLOAT
_node = helper.make_node
_RNG = np.random.default_rng(7)


def _floats(*shape: int) -> np.ndarray[Any, Any]:
    return _RNG.normal(size=shape).astype(np.float32)


def _ints(*values: int) -> np.ndarray[Any, Any]:
    return np.array(values, np.int64)


_CONSTANTS = {
    "w": _floats(3, 3),
    "row": _floats(3),
    "one_row": _floats(1, 3),
    "two_rows": _floats(2, 3),
    "scalar": np.array(0.5, np.float32),
    "axis0": _ints(0),
    "axis1": _ints(1),
    "keep": _ints(0, -1),
    "cut": _ints(-1, 3),
    "recut": _ints(-1, 1),
    "turn": _ints(3, -1),
    "zero": _ints(0),
    "two": _ints(2),
    "columns": _ints(2, 0),
    "table": _floats(5, 4),
}
# Operators from [n, 3] to [n, 3], and whether they keep rows apart.
_APART: dict[str, Sequence[tuple[str, list[str], dict[str, Any]]]] = {
    "relu": [("Relu", ["x"], {})],
    "weights": [("MatMul", ["x", "w"], {})],
    "gemm": [("Gemm", ["x", "w", "row"], {"transB": 1})],
    "gemm onto rows": [("Gemm", ["x", "w", "x"], {"transB": 1})],
    "bias": [("Add", ["row", "x"], {})],
    "one row for all": [("Mul", ["x", "one_row"], {})],
    "itself": [("Add", ["x", "x"], {})],
    "softmax of a row": [("Softmax", ["x"], {"axis": 1})],
    "softmax of the last axis": [("Softmax", ["x"], {})],
    "mean of a row": [("ReduceMean", ["x"], {"axes": [1], "keepdims": 1}), ("Sub", ["x", "y"], {})],
    "columns": [
        ("Gather", ["x", "columns"], {"axis": 1}),
        ("Concat", ["y", "y"], {"axis": 1}),
        ("Slice", ["y", "zero", "@3", "axis1"], {}),
    ],
    "kept shape": [("Reshape", ["x", "keep"], {})],
    "width that stays": [("Reshape", ["x", "cut"], {})],
    "there and back": [("Unsqueeze", ["x", "axis1"], {}), ("Squeeze", ["y", "axis1"], {})],
    "clip": [("Clip", ["x", "scalar"], {})],
    "layer norm": [("LayerNormalization", ["x", "row"], {"axis": -1})],
}
_MIXED: dict[str, Sequence[tuple[str, list[str], dict[str, Any]]]] = {
    "mean of the batch": [("ReduceMean", ["x"], {"axes": [0], "keepdims": 1}), ("Sub", ["x", "y"], {})],
    "mean of all": [("ReduceMax", ["x"], {"keepdims": 1}), ("Div", ["x", "y"], {})],
    "softmax of the batch": [("Softmax", ["x"], {"axis": 0})],
    "counted from behind": [("Softmax", ["x"], {"axis": -2})],
    "order of the batch": [("CumSum", ["x", "axis0"], {})],
    "all with all": [("Transpose", ["x"], {"perm": [1, 0]}), ("MatMul", ["x", "y"], {}), ("MatMul", ["y", "x"], {})],
    "turned twice": [("Reshape", ["x", "turn"], {}), ("Transpose", ["y"], {"perm": [1, 0]})],
    "best of the batch": [("ArgMax", ["x"], {"axis": 0}), ("Cast", ["y"], {"to": _FLOAT}), ("Add", ["x", "y"], {})],
    "scale of the batch": [("DynamicQuantizeLinear", ["x"], {}), ("Cast", ["y"], {"to": _FLOAT})],
    "noise": [("RandomNormalLike", ["x"], {}), ("Add", ["x", "y"], {})],
    "size of the batch": [("Size", ["x"], {}), ("Cast", ["y"], {"to": _FLOAT}), ("Div", ["x", "y"], {})],
    "another domain": [("FastGelu", ["x"], {"domain": "com.microsoft"})],
}


def _chain(make_model: ModelMaker, steps: Sequence[str], name: str = "model.onnx") -> Path:
    """A model of these steps, one after the other."""
    known = _APART | _MIXED
    constants = dict(_CONSTANTS) | {"@3": _ints(3)}
    nodes: list[Any] = []
    current, counter = "x", 0
    for step in steps:
        start, last = current, current
        for op, inputs, attributes in known[step]:
            counter += 1
            wired = [{"x": start, "y": last}.get(each, each) for each in inputs]
            last = f"v{counter}"
            outputs = [last, f"s{counter}", f"z{counter}"] if op == "DynamicQuantizeLinear" else [last]
            nodes.append(_node(op, wired, outputs, **attributes))
        current = last
    nodes.append(_node("Identity", [current], ["y"]))
    outputs = [("y", _FLOAT, ["n", 3])]
    return make_model(nodes, [("x", _FLOAT, ["n", 3])], outputs, constants, name)


@pytest.mark.parametrize("step", _APART)
def test_operators_that_keep_rows_apart_share_a_run(make_model: ModelMaker, step: str) -> None:
    model, shares, _, _ = _load(_ENGINE, _chain(make_model, [step, "weights"]), RunningClock())
    assert model.row_wise
    assert shares


@pytest.mark.parametrize("step", _MIXED)
def test_operators_that_mix_rows_never_do(make_model: ModelMaker, step: str) -> None:
    path = _chain(make_model, ["relu", step, "relu"])
    onnx.checker.check_model(path) if step != "another domain" else None
    assert not _ENGINE.load(path).row_wise


@settings(deadline=None, max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from([*_APART, *_APART, *_MIXED]), min_size=1, max_size=5), data=st.data())
def test_company_never_changes_an_answer(make_model: ModelMaker, steps: list[str], data: st.DataObject) -> None:
    path = _chain(make_model, steps)
    model = _ENGINE.load(path)
    if not model.row_wise:
        assert set(steps) & set(_MIXED)
        return
    scales = data.draw(st.lists(st.sampled_from([1e-3, 1.0, 30.0, 3e3]), min_size=2, max_size=5))
    rows = np.concatenate([_floats(1, 3) * np.float32(scale) for scale in scales])
    together = model.run({"x": rows})["y"]
    alone = np.concatenate([model.run({"x": rows[at : at + 1]})["y"] for at in range(len(rows))])
    assert np.allclose(together, alone, rtol=1e-4, atol=1e-5, equal_nan=True)


def test_a_model_that_was_quantized_dynamically_runs_requests_one_by_one(linear_model: Path, tmp_path: Path) -> None:
    quantized = tmp_path / "quantized.onnx"
    quantize_dynamic(linear_model, quantized)
    assert "DynamicQuantizeLinear" in {node.op_type for node in onnx.load(quantized).graph.node}
    _, shares, _, notes = _load(_ENGINE, quantized, RunningClock())
    assert not shares
    assert notes == ["requests run one by one"]


def test_trees_and_their_labels_share_a_run(make_model: ModelMaker) -> None:
    tree = _node(
        "TreeEnsembleClassifier",
        ["x"],
        ["label", "scores"],
        domain="ai.onnx.ml",
        nodes_treeids=[0, 0, 0],
        nodes_nodeids=[0, 1, 2],
        nodes_featureids=[0, 0, 0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"],
        nodes_values=[0.5, 0.0, 0.0],
        nodes_truenodeids=[1, 0, 0],
        nodes_falsenodeids=[2, 0, 0],
        class_treeids=[0, 0],
        class_nodeids=[1, 2],
        class_ids=[0, 1],
        class_weights=[1.0, 1.0],
        classlabels_int64s=[0, 1],
    )
    outputs = [("label", TensorProto.INT64, ["n"]), ("scores", _FLOAT, ["n", 2])]
    _, shares, _, _ = _load(_ENGINE, make_model([tree], [("x", _FLOAT, ["n", 3])], outputs), RunningClock())
    assert shares


def test_embeddings_are_found_by_each_row(make_model: ModelMaker) -> None:
    nodes = [_node("Gather", ["table", "ids"], ["e"]), _node("ReduceSum", ["e", "axis1"], ["y"], keepdims=0)]
    path = make_model(nodes, [("ids", TensorProto.INT64, ["n", 2])], [("y", _FLOAT, ["n", 4])], _CONSTANTS)
    assert _ENGINE.load(path).row_wise


def test_what_only_feeds_outputs_that_are_not_served_may_mix(make_model: ModelMaker) -> None:
    nodes = [_node("Relu", ["x"], ["y"]), _node("ReduceMean", ["x"], ["unused"], axes=[0])]
    path = make_model(nodes, [("x", _FLOAT, ["n", 3])], [("y", _FLOAT, ["n", 3])])
    assert _ENGINE.load(path).row_wise


@pytest.mark.parametrize("content", [b"not a model", b"\x08\x08\x12", b"\x3a\xff\xff\xff\x0f"])
def test_a_file_that_is_no_graph_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(Unreadable):
        read_file(path)


def test_weights_in_another_file_are_missed_without_a_path(make_model: ModelMaker, tmp_path: Path) -> None:
    path = make_model(
        [_node("Add", ["x", "w"], ["y"])],
        [("x", _FLOAT, ["rows", 2])],
        [("y", _FLOAT, ["rows", 2])],
        {"w": np.zeros((1, 2), np.float32)},
    )
    model = onnx.load(path)
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="weights.bin")
    path.write_bytes(model.SerializeToString())
    with pytest.raises(Exception, match=r"weights\.bin") as caught:
        _ENGINE.load(path)
    assert str(tmp_path) not in str(caught.value)
    assert "/" not in str(caught.value).replace("://", "")
