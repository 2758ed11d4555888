"""Models as people have them, each with rows to ask: made here in a second, small, and of every kind that is served."""

import pickle
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import xgboost
from fp_cli import conversion
from fp_onnx import pack
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.float16 import convert_float_to_float16
from skl2onnx import to_onnx
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

Arrays = Mapping[str, np.ndarray[Any, Any]]
ROWS = 24
OPSETS = {"": 17, "ai.onnx.ml": 3}
_FLOAT = TensorProto.FLOAT
_RNG = np.random.default_rng(11)
_X = _RNG.normal(size=(200, 4)).astype(np.float32)
_ON = _X[:, 0] + _X[:, 1] > 0
_NAMED = np.where(_ON, "late", "on time")


@dataclass(frozen=True, slots=True)
class Kept:
    """A model and rows for it. row_axis: whether each row may be asked for by itself.
    alone: the same as one file, where the content is a bundle.
    """

    content: bytes
    inputs: Arrays
    row_axis: bool = True
    alone: bytes = b""

    def plain_answer(self, inputs: Arrays) -> Arrays:
        """ONNX Runtime's own with its own defaults; maps by the order of their keys, sequences stacked."""
        session = onnxruntime.InferenceSession(self.alone or self.content, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        return {name: _plain(value) for name, value in zip(names, session.run(names, dict(inputs)), strict=True)}


def library() -> Mapping[str, Callable[[], Kept]]:
    """By name; a model is made when it is asked for."""
    return dict(_LIBRARY)


def _scikit_learn(model: Any, target: Any) -> Kept:
    fitted = model.fit(_X, target)
    return Kept(_converted(fitted, _X[:1]), {"X": _X[:ROWS]})


def _converted(model: Any, sample: Any) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content: bytes = to_onnx(model, sample, target_opset=OPSETS).SerializeToString()
    return content


def _booster(model: Any, target: Any) -> Kept:
    """Pickled and converted as `fp models register` does it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.pkl")
        path.write_bytes(pickle.dumps(model.fit(_X, target)))
        content = conversion.onnx_of(path, unpickle=True, sample=None).content
    return Kept(content, {"features": _X[:ROWS]})


def _text_pipeline() -> Kept:
    """Texts in, texts and ZipMap out."""
    table = pd.DataFrame({"carrier": np.where(_X[:, 2] > 0, "UA", "DL"), "hour": _X[:, 0], "distance": _X[:, 1]})
    steps = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["carrier"]),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["hour", "distance"]),
    )
    model = make_pipeline(steps, LogisticRegression()).fit(table, _NAMED)
    inputs = {name: table[[name]].to_numpy()[:ROWS] for name in ("hour", "distance")}
    inputs["carrier"] = np.array([["unheard of"], *table[["carrier"]].to_numpy()[1:ROWS].tolist()], object)
    return Kept(_converted(model, table[:1]), inputs)


def _network(hidden: int = 8) -> onnx.ModelProto:
    rng = np.random.default_rng(5)
    weights = {
        "w1": rng.normal(size=(4, hidden)).astype(np.float32),
        "w2": rng.normal(size=(hidden, 2)).astype(np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "w2"], ["c"]),
        helper.make_node("Softmax", ["c"], ["p"], axis=1),
    ]
    return _model(nodes, [("x", _FLOAT, ["n", 4])], [("p", _FLOAT, ["n", 2])], weights)


def _quantised() -> Kept:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "f.onnx"), Path(folder, "q.onnx")
        onnx.save(_network(64), source)
        quantize_dynamic(source, target, weight_type=QuantType.QInt8)
        return Kept(target.read_bytes(), {"x": _X[:ROWS]})


def _weights_apart() -> Kept:
    """As models beyond 2 GiB have to be stored."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "m.onnx")
        onnx.save(_network(64), source, save_as_external_data=True, location="w.bin", size_threshold=0)
        bundle = pack(source.read_bytes(), {"w.bin": Path(folder, "w.bin")})
    return Kept(bundle, {"x": _X[:ROWS]}, alone=_network(64).SerializeToString())


def _half() -> Kept:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = convert_float_to_float16(_network())
    return Kept(model.SerializeToString(), {"x": _X[:ROWS].astype(np.float16)})


def _image() -> Kept:
    """Bytes of pixels in, a class of uint8 out."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["f"], to=_FLOAT),
        helper.make_node("MatMul", ["f", "w"], ["scores"]),
        helper.make_node("ArgMax", ["scores"], ["best"], axis=1, keepdims=0),
        helper.make_node("Cast", ["best"], ["class"], to=TensorProto.UINT8),
    ]
    weights = {"w": np.random.default_rng(6).normal(size=(16, 5)).astype(np.float32)}
    content = _model(nodes, [("pixels", TensorProto.UINT8, ["n", 16])], [("class", TensorProto.UINT8, ["n"])], weights)
    pixels = np.random.default_rng(7).integers(0, 256, (ROWS, 16), np.uint8)
    return Kept(content.SerializeToString(), {"pixels": pixels})


def _several_inputs() -> Kept:
    """An embedding, an age of another type, and a default that may be left out."""
    nodes = [
        helper.make_node("ReduceMean", ["embedding"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Cast", ["age"], ["years"], to=_FLOAT),
        helper.make_node("Mul", ["years", "weight"], ["weighed"]),
        helper.make_node("Add", ["mean", "weighed"], ["y"]),
    ]
    inputs = [
        ("embedding", _FLOAT, ["n", 300]),
        ("age", TensorProto.UINT16, ["n", 1]),
        ("weight", _FLOAT, [1]),
    ]
    content = _model(nodes, inputs, [("y", _FLOAT, ["n", 1])], {"weight": np.array([0.5], np.float32)})
    rng = np.random.default_rng(8)
    embedding = rng.normal(size=(ROWS, 300)).astype(np.float32)
    age = rng.integers(0, 99, (ROWS, 1)).astype(np.uint16)
    return Kept(content.SerializeToString(), {"embedding": embedding, "age": age})


def _detector() -> Kept:
    """As many rows as it finds, none among them."""
    nodes = [
        helper.make_node("Gather", ["x", "zero"], ["first"], axis=1),
        helper.make_node("Greater", ["first", "limit"], ["found"]),
        helper.make_node("Compress", ["x", "found"], ["boxes"], axis=0),
    ]
    constants = {"zero": np.array(0, np.int64), "limit": np.array(99, np.float32)}
    content = _model(nodes, [("x", _FLOAT, ["n", 4])], [("boxes", _FLOAT, ["m", 4])], constants)
    return Kept(content.SerializeToString(), {"x": _X[:ROWS]}, row_axis=False)


def _whole_numbers() -> Kept:
    """Each width of whole numbers, to its ends."""
    types = (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64)
    numbers = {np.dtype(kind).name: kind for kind in types}
    values = [(name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), ["n", 2]) for name, kind in numbers.items()]
    nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name in numbers]
    outputs = [(f"{name}_out", number, shape) for name, number, shape in values]
    inputs = {
        name: np.tile(np.array([[np.iinfo(kind).min, np.iinfo(kind).max]], kind), (ROWS, 1))
        for name, kind in numbers.items()
    }
    return Kept(_model(nodes, values, outputs, {}).SerializeToString(), inputs)


def _sequence() -> Kept:
    model = _model(
        [helper.make_node("SplitToSequence", ["x"], ["parts"], axis=1, keepdims=1)], [("x", _FLOAT, ["n", 4])], [], {}
    )
    parts = helper.make_sequence_type_proto(helper.make_tensor_type_proto(_FLOAT, None))
    model.graph.output.append(helper.make_value_info("parts", parts))
    return Kept(model.SerializeToString(), {"x": _X[:ROWS]}, row_axis=False)


def _model(nodes: Any, inputs: Any, outputs: Any, constants: Mapping[str, Any]) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "kept",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def scaling() -> Kept:
    """What makes rows for others of the library."""
    return Kept(_converted(StandardScaler().fit(_X), _X[:1]), {"X": _X[:ROWS]})


_LIBRARY: Mapping[str, Callable[[], Kept]] = {
    "pipeline-of-texts": _text_pipeline,
    "gradient-boosting": lambda: _scikit_learn(GradientBoostingClassifier(n_estimators=10), _NAMED),
    "histogram-boosting": lambda: _scikit_learn(HistGradientBoostingClassifier(max_iter=10), _ON.astype(int)),
    "forest-regressor": lambda: _scikit_learn(RandomForestRegressor(n_estimators=10, n_jobs=1), _X[:, 3]),
    "xgboost": lambda: _booster(xgboost.XGBClassifier(n_estimators=10, n_jobs=1), _ON.astype(int)),
    "xgboost-regressor": lambda: _booster(xgboost.XGBRegressor(n_estimators=10, n_jobs=1), _X[:, 3]),
    "lightgbm": lambda: _booster(
        lightgbm.LGBMClassifier(n_estimators=10, n_jobs=1, verbose=-1), _ON.astype(int) + (_X[:, 2] > 1)
    ),
    "neighbours": lambda: _scikit_learn(KNeighborsClassifier(3), _ON.astype(int)),
    "clusters": lambda: _scikit_learn(KMeans(3, n_init=1), None),
    "network": lambda: Kept(_network().SerializeToString(), {"x": _X[:ROWS]}),
    "weights-apart": _weights_apart,
    "int8-quantised": _quantised,
    "float16": _half,
    "image-of-bytes": _image,
    "several-inputs": _several_inputs,
    "whole-numbers": _whole_numbers,
    "detector-without-rows": _detector,
    "sequence": _sequence,
}


def _plain(value: Any) -> Any:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return np.array([[row[key] for key in sorted(row)] for row in value], np.float32)
    return np.stack(value) if isinstance(value, list) else value
