"""What a model may take and give beside float32: every element type, maps, sequences, and inputs with a default."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from fp_kernel import InvalidArgument
from fp_kernel.packing import pack, unpack
from fp_kernel.signatures import Column, TensorSpec
from fp_kernel.tensors import ONNX_TYPES, ElementType, Tensor
from fp_onnx import declared, read_model
from fp_serving.adapters.onnx import OnnxEngine
from fp_serving.app.load import _load
from fp_serving.domain.arrays import decode, encode
from fp_serving.domain.batching import join, part
from fp_serving.domain.lifecycle import LoadFailed
from fp_testkit.wallclock import RunningClock
from onnx import TensorProto, helper

ModelMaker = Callable[..., Path]
_ENGINE = OnnxEngine(threads=1)
_FLOAT = TensorProto.FLOAT


def _rows(element: ElementType, *values: int) -> Tensor:
    texts: list[Any] = [str(value) for value in values]
    numbers: list[Any] = [value % 2 for value in values] if element is ElementType.BOOL else list(values)
    return pack([[each] for each in (texts if element is ElementType.STRING else numbers)], element, "x")


@pytest.mark.parametrize("element", ElementType)
def test_each_element_type_comes_back_as_it_went_also_from_a_shared_run(
    make_model: ModelMaker, element: ElementType
) -> None:
    number = ONNX_TYPES[element]
    path = make_model(
        [helper.make_node("Identity", ["x"], ["y"])], [("x", number, ["n", 1])], [("y", number, ["n", 1])]
    )
    model, shares, _, notes = _load(_ENGINE, path, RunningClock())
    assert model.schema.inputs == (TensorSpec("x", element, (-1, 1)),)
    assert model.schema.outputs == (TensorSpec("y", element, (-1, 1)),)
    assert (shares, notes) == (True, [])
    mine, other = _rows(element, 1, 2), _rows(element, 3)
    both = model.run(join([{"x": decode(mine, "x")}, {"x": decode(other, "x")}]))
    assert [encode(answer["y"]) for answer in part(both, [2, 1])] == [mine, other]


def test_bfloat16_is_computed_with(make_model: ModelMaker) -> None:
    half = TensorProto.BFLOAT16
    path = make_model(
        [
            helper.make_node("Cast", ["x"], ["wide"], to=_FLOAT),
            helper.make_node("Mul", ["wide", "wide"], ["square"]),
            helper.make_node("Cast", ["square"], ["y"], to=half),
        ],
        [("x", half, ["n", 2])],
        [("y", half, ["n", 2])],
    )
    model = _ENGINE.load(path)
    answer = model.run({"x": decode(pack([[1.5, -3.0]], ElementType.BFLOAT16, "x"), "x")})
    assert unpack(encode(answer["y"])) == [2.25, 9.0]


def _with_maps(path: Path, key: int) -> Path:
    """The output `maps` of ZipMap added, as converters of classifiers write it."""
    model = onnx.load(path)
    maps = helper.make_map_type_proto(key, helper.make_tensor_type_proto(_FLOAT, []))
    model.graph.output.append(helper.make_value_info("maps", helper.make_sequence_type_proto(maps)))
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("key", "labels", "columns"),
    [
        (TensorProto.INT64, {"classlabels_int64s": [-3, 40]}, ("-3", "40")),
        (TensorProto.STRING, {"classlabels_strings": ["late", "on time"]}, ("late", "on time")),
        (TensorProto.INT64, {"classlabels_int64s": list(range(300))}, tuple(map(str, range(300)))),
        (TensorProto.STRING, {"classlabels_strings": list(map(str, range(300)))}, tuple(map(str, range(300)))),
    ],
)
def test_the_maps_of_a_classifier_are_a_tensor_with_a_column_for_each_class(
    make_model: ModelMaker, key: int, labels: dict[str, Any], columns: tuple[str, ...]
) -> None:
    path = _with_maps(
        make_model(
            [
                helper.make_node("ZipMap", ["x"], ["maps"], domain="ai.onnx.ml", **labels),
                helper.make_node("ArgMax", ["x"], ["label"], axis=1, keepdims=0),
            ],
            [("x", _FLOAT, ["n", len(columns)])],
            [("label", TensorProto.INT64, ["n"])],
        ),
        key,
    )
    model, shares, _, notes = _load(_ENGINE, path, RunningClock())
    named = tuple(map(Column, columns))
    assert model.schema.outputs[1] == TensorSpec("maps", ElementType.FLOAT32, (-1, len(columns)), named)
    assert declared(read_model([path.read_bytes()])).outputs == model.schema.outputs
    assert (shares, notes) == (True, [])
    scores = np.random.default_rng(7).random((3, len(columns)), np.float32)
    assert np.array_equal(model.run({"x": scores})["maps"], scores)


def test_maps_whose_keys_nobody_knows_are_left_out_and_named(make_model: ModelMaker) -> None:
    labels = {"classlabels_int64s": list(range(5_000))}
    nodes = [
        helper.make_node("ZipMap", ["x"], ["maps"], domain="ai.onnx.ml", **labels),
        helper.make_node("ArgMax", ["x"], ["label"], axis=1, keepdims=0),
    ]
    inputs = [("x", _FLOAT, ["n", 5_000])]
    path = _with_maps(make_model(nodes, inputs, [("label", TensorProto.INT64, ["n"])]), TensorProto.INT64)
    model, _, _, notes = _load(_ENGINE, path, RunningClock())
    assert [spec.name for spec in model.schema.outputs] == ["label"]
    assert "maps (seq(map(int64,tensor(float))))" in notes[0]
    with pytest.raises(LoadFailed, match="no output is a tensor or becomes one"):
        _ENGINE.load(_with_maps(make_model(nodes[:1], inputs, [], name="maps.onnx"), TensorProto.INT64))


def _split(make_model: ModelMaker, lengths: list[int]) -> Path:
    path = make_model(
        [helper.make_node("SplitToSequence", ["x", "lengths"], ["parts"], axis=1)],
        [("x", _FLOAT, ["n", sum(lengths)])],
        [],
        {"lengths": np.array(lengths, np.int64)},
    )
    model = onnx.load(path)
    parts = helper.make_sequence_type_proto(helper.make_tensor_type_proto(_FLOAT, None))
    model.graph.output.append(helper.make_value_info("parts", parts))
    onnx.save(model, path)
    return path


def test_a_sequence_of_tensors_of_one_shape_is_a_tensor_with_an_axis_more(make_model: ModelMaker) -> None:
    path = _split(make_model, [1, 1, 1])
    model, shares, _, _ = _load(_ENGINE, path, RunningClock())
    assert not shares
    assert model.run({"x": np.array([[1, 2, 3], [4, 5, 6]], np.float32)})["parts"].tolist() == [
        [[1.0], [4.0]],
        [[2.0], [5.0]],
        [[3.0], [6.0]],
    ]


def test_a_sequence_of_tensors_of_several_shapes_fails_with_the_reason(make_model: ModelMaker) -> None:
    with pytest.raises(LoadFailed, match="same shape"):
        _load(_ENGINE, _split(make_model, [1, 2]), RunningClock())


def test_an_input_with_a_default_may_be_left_out(make_model: ModelMaker) -> None:
    path = make_model(
        [helper.make_node("Mul", ["x", "scale"], ["y"])],
        [("x", _FLOAT, ["n", 1]), ("scale", _FLOAT, [1])],
        [("y", _FLOAT, ["n", 1])],
        {"scale": np.array([2], np.float32)},
    )
    model, shares, _, _ = _load(_ENGINE, path, RunningClock())
    scale = TensorSpec("scale", ElementType.FLOAT32, (1,), optional=True)
    assert model.schema.inputs == (TensorSpec("x", ElementType.FLOAT32, (-1, 1)), scale)
    assert declared(read_model([path.read_bytes()])).inputs == model.schema.inputs
    assert shares
    x, three = Tensor(ElementType.FLOAT32, (1, 1), b"\0\0\x80?"), Tensor(ElementType.FLOAT32, (1,), b"\0\0@@")
    model.schema.check({"x": x})
    model.schema.check({"x": x, "scale": three})
    with pytest.raises(InvalidArgument) as caught:
        model.schema.check({"scale": three})
    assert caught.value.fields[0].field == "inputs[x]"
    arrays = {name: decode(tensor, name) for name, tensor in {"x": x, "scale": three}.items()}
    assert model.run({"x": arrays["x"]})["y"].tolist() == [[2.0]]
    assert model.run(arrays)["y"].tolist() == [[3.0]]


def test_weights_that_an_exporter_lists_among_the_inputs_are_no_inputs(make_model: ModelMaker) -> None:
    path = make_model(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [("x", _FLOAT, ["n", 65]), ("w", _FLOAT, [65, 1])],
        [("y", _FLOAT, ["n", 1])],
        {"w": np.ones((65, 1), np.float32)},
    )
    assert [spec.name for spec in _ENGINE.load(path).schema.inputs] == ["x"]
    assert [spec.name for spec in declared(read_model([path.read_bytes()])).inputs] == ["x"]
