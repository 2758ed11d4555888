import math

import pytest
from forgepoint.inference.v1 import inference_pb2 as pb
from fp_gateway.http import tensors
from fp_kernel import InvalidArgument
from hypothesis import given
from hypothesis import strategies as st


def test_nested_numbers_give_their_own_shape():
    tensor = tensors.from_json({"dtype": "FLOAT32", "data": [[1, 2, 3], [4, 5, 6]]}, "inputs[x]")

    assert list(tensor.shape) == [2, 3]
    assert len(tensor.data) == 24


@given(st.lists(st.floats(allow_nan=False, width=32), max_size=50))
def test_numbers_come_back_as_they_went(values):
    tensor = tensors.from_json({"dtype": "FLOAT64", "shape": [len(values)], "data": values}, "inputs[x]")

    back = tensors.to_json(tensor)["data"]

    assert [float(value) for value in back] == values


@given(st.lists(st.text(max_size=20), max_size=20))
def test_strings_come_back_as_they_went(values):
    tensor = tensors.from_json({"dtype": "STRING", "shape": [len(values)], "data": values}, "inputs[x]")

    assert tensors.to_json(tensor) == {"dtype": "STRING", "shape": [len(values)], "data": values}


def test_what_json_cannot_write_is_written_as_protojson_does():
    tensor = pb.TensorData(
        dtype=pb.DATA_TYPE_FLOAT64, shape=[2], data=b"\x00" * 6 + b"\xf0\x7f" + b"\x00" * 6 + b"\xf8\x7f"
    )

    assert tensors.to_json(tensor)["data"] == ["Infinity", "NaN"]
    assert math.isnan(float("NaN"))


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([1, 2], "inputs[x]"),
        ({"dtype": "FLOAT99", "data": [1]}, "inputs[x].dtype"),
        ({"dtype": "FLOAT32", "shape": [3], "data": [1, 2]}, "inputs[x].data"),
        ({"dtype": "FLOAT32", "shape": ["a"], "data": [1]}, "inputs[x].shape"),
        ({"dtype": "FLOAT32", "shape": [True], "data": [1]}, "inputs[x].shape"),
        ({"dtype": "INT32", "data": [2**40]}, "inputs[x].data"),
        ({"dtype": "FLOAT32", "data": ["one"]}, "inputs[x].data"),
        ({"dtype": "STRING", "data": [1]}, "inputs[x].data"),
        ({"dtype": "STRING", "data": [None]}, "inputs[x].data"),
        ({"dtype": "FLOAT32", "data": [1e39]}, "inputs[x].data"),
        ({"dtype": "FLOAT32", "data": [True]}, "inputs[x].data"),
        ({"dtype": "FLOAT32", "data": [[1, 2], [3], [4, 5, 6]]}, "inputs[x].data"),
        ({"dtype": "FLOAT32", "shape": [3, 2], "data": [[1, 2], [3], [4, 5, 6]]}, "inputs[x].data"),
        ({"dtype": "FLOAT32", "shape": [3, 2], "data": [[1, 2, 3], [4, 5, 6]]}, "inputs[x].data"),
        ({"dtype": "FLOAT32", "shape": [1], "data": "not base64!"}, "inputs[x].data"),
        ({"dtype": "FLOAT32", "shape": [1], "data": "\u00e9"}, "inputs[x].data"),
        ({"dtype": "FLOAT32", "shape": [2**63, 0], "data": []}, "inputs[x].shape"),
        ({"dtype": "FLOAT32"}, "inputs[x].data"),
    ],
)
def test_a_bad_tensor_names_its_field(document, field):
    with pytest.raises(InvalidArgument) as caught:
        tensors.from_json(document, "inputs[x]")

    assert [violation.field for violation in caught.value.fields] == [field]


def test_missing_values_can_be_sent_and_what_is_written_can_be_read():
    tensor = tensors.from_json({"data": [[1, None], ["NaN", "-Infinity"]]}, "inputs[x]")

    document = tensors.to_json(tensor)

    assert document["data"] == [1.0, "NaN", "NaN", "-Infinity"]
    assert tensors.from_json(document, "inputs[x]") == tensor
