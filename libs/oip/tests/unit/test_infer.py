"""Requests of the Open Inference Protocol that do not fit."""

import orjson
import pytest
from fp_kernel import InvalidArgument
from fp_oip import frame
from fp_oip.infer import Inference

X = {"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "inputs"),
        ({"inputs": {}}, "inputs"),
        ({"inputs": [X], "colour": 1}, "colour"),
        ({"inputs": [X], "id": 7}, "id"),
        ({"inputs": [7]}, "inputs[0]"),
        ({"inputs": [{}]}, "inputs[0].name"),
        ({"inputs": [X, X]}, "inputs[x].name"),
        ({"inputs": [X | {"datatype": "FP8"}]}, "inputs[x].datatype"),
        ({"inputs": [X | {"datatype": ["FP32"]}]}, "inputs[x].datatype"),
        ({"inputs": [X | {"shape": [2]}]}, "inputs[x].data"),
        ({"inputs": [X | {"shape": "1"}]}, "inputs[x].shape"),
        ({"inputs": [X | {"data": "AAAA"}]}, "inputs[x].data"),
        ({"inputs": [X | {"data": ["one"]}]}, "inputs[x].data"),
        ({"inputs": [X | {"datatype": "INT32", "data": [2**40]}]}, "inputs[x].data"),
        ({"inputs": [X | {"datatype": "BOOL", "data": [2]}]}, "inputs[x].data"),
        ({"inputs": [X | {"parameters": {"binary_data_size": 4}}]}, "inputs[x].parameters.binary_data_size"),
        ({"inputs": [X | {"parameters": 1}]}, "inputs[x].parameters"),
        ({"inputs": [X], "parameters": {"sticky_key": 1}}, "parameters.sticky_key"),
        ({"inputs": [X], "outputs": [{}]}, "outputs[0].name"),
    ],
)
def test_what_does_not_fit_is_named(document, field):
    with pytest.raises(InvalidArgument) as caught:
        Inference(orjson.dumps(document), {}, "m", "")

    assert [violation.field for violation in caught.value.fields] == [field]


@pytest.mark.parametrize("length", ["-1", "x", "3", "9" * 30, "\u0663", ""])
def test_a_length_of_the_document_that_cannot_be_is_named(length):
    with pytest.raises(InvalidArgument) as caught:
        frame.split(b"{}", length)

    assert caught.value.fields[0].field == "inference-header-content-length"


@pytest.mark.parametrize(
    ("size", "field"),
    [
        (3, "inputs[x].parameters.binary_data_size"),
        (-1, "inputs[x].parameters.binary_data_size"),
        (True, "inputs[x].parameters.binary_data_size"),
        (1, "body"),
    ],
)
def test_bytes_that_do_not_fit_their_tensors_are_named(size, field):
    with pytest.raises(InvalidArgument) as caught:
        frame.blobs([("inputs[x]", size)], b"ab")

    assert caught.value.fields[0].field == field


def test_a_tensor_that_is_there_twice_is_named():
    document = orjson.dumps({"inputs": [X | {"parameters": {"binary_data_size": 4}}]})

    with pytest.raises(InvalidArgument) as caught:
        Inference(document + b"abcd", {frame.LENGTH: str(len(document))}, "m", "")

    assert caught.value.fields[0].field == "inputs[x].data"


def test_arrays_in_arrays_without_end_are_refused():
    deep = b"[" * 900 + b"]" * 900
    document = b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": ' + deep + b"}]}"

    with pytest.raises(InvalidArgument) as caught:
        Inference(document, {}, "m", "")

    assert caught.value.fields[0].field == "inputs[x].data"


def test_the_outputs_that_are_asked_for_are_told_before_the_model_runs():
    document = {"inputs": [X], "outputs": [{"name": "y"}, {"name": "z"}]}

    assert list(Inference(orjson.dumps(document), {}, "m", "").message.output_names) == ["y", "z"]
    assert not Inference(orjson.dumps({"inputs": [X]}), {}, "m", "").message.output_names


def test_missing_values_can_be_sent():
    message = Inference(orjson.dumps({"inputs": [X | {"data": [None]}]}), {}, "m", "").message

    assert message.inputs["x"].data == b"\x00\x00\xc0\x7f"


def test_null_is_what_was_not_given():
    tensor = X | {"parameters": None}
    document = {"id": None, "parameters": None, "inputs": [tensor], "outputs": None}

    asked = Inference(orjson.dumps(document), {}, "m", "")

    assert asked.message == Inference(orjson.dumps({"inputs": [X]}), {}, "m", "").message
    with pytest.raises(InvalidArgument, match="inputs"):
        Inference(orjson.dumps({"inputs": None}), {}, "m", "")
