"""How many threads run a model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from fp_serving.adapters.onnx import OnnxEngine
from onnx import TensorProto, helper

ModelMaker = Callable[..., Path]
_FLOAT = TensorProto.FLOAT
_RNG = np.random.default_rng(7)
_TREES, _FEATURES = 400, 8


def _numbers(*shape: int) -> np.ndarray[Any, Any]:
    return _RNG.standard_normal(shape, dtype=np.float32)


def _perceptron(make_model: ModelMaker) -> Path:
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "w2"], ["y"]),
    ]
    weights = {"w1": _numbers(_FEATURES, 2048), "w2": _numbers(2048, 512)}
    return make_model(nodes, [("x", _FLOAT, ["n", _FEATURES])], [("y", _FLOAT, ["n", 512])], weights)


def _trees(make_model: ModelMaker) -> Path:
    """As many as are divided among threads for one row."""
    each = range(_TREES)
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=[tree for tree in each for _ in range(3)],
        nodes_nodeids=[0, 1, 2] * _TREES,
        nodes_featureids=[place for tree in each for place in (tree % _FEATURES, 0, 0)],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"] * _TREES,
        nodes_values=[value for _ in each for value in (float(_RNG.standard_normal()), 0.0, 0.0)],
        nodes_truenodeids=[1, 0, 0] * _TREES,
        nodes_falsenodeids=[2, 0, 0] * _TREES,
        target_treeids=[tree for tree in each for _ in range(2)],
        target_nodeids=[1, 2] * _TREES,
        target_ids=[0, 0] * _TREES,
        target_weights=[float(each) for each in _RNG.standard_normal(2 * _TREES)],
    )
    return make_model([node], [("x", _FLOAT, ["n", _FEATURES])], [("y", _FLOAT, ["n", 1])])


def test_what_trees_answer_does_not_depend_on_the_threads_of_the_machine(make_model: ModelMaker) -> None:
    path = _trees(make_model)
    alone = OnnxEngine(threads=1).load(path)
    others = [OnnxEngine(threads=threads).load(path, wide=True) for threads in (2, 3, 4)]
    for rows in (1, 2, 5, 33):
        inputs = {"x": _numbers(rows, _FEATURES)}
        answer = alone.run(inputs)["y"].tobytes()
        assert all(other.run(inputs)["y"].tobytes() == answer for other in others)


def test_trees_have_one_thread_and_others_more_where_there_are_more(make_model: ModelMaker) -> None:
    engine = OnnxEngine(threads=2)
    assert engine.load(_perceptron(make_model)).widens
    assert not engine.load(_perceptron(make_model), wide=True).widens
    assert not engine.load(_trees(make_model)).widens
    assert not OnnxEngine(threads=1).load(_perceptron(make_model)).widens
