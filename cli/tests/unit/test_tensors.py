import json

import pytest
from forgepoint.inference.v1 import inference_pb2 as pb
from fp_cli import tensors
from fp_kernel import InvalidArgument
from hypothesis import given
from hypothesis import strategies as st

ROW = pb.TensorSpec(name="x", dtype=pb.DATA_TYPE_FLOAT32, shape=[-1, 2])


def test_a_single_row_gets_its_row_axis():
    assert list(tensors.encode({"x": [1, 2]}, [ROW])["x"].shape) == [1, 2]


@given(st.lists(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=2, max_size=2), min_size=1, max_size=5))
def test_arrays_come_back_as_they_went(rows):
    spec = pb.TensorSpec(name="x", dtype=pb.DATA_TYPE_INT64, shape=[-1, 2])

    assert tensors.decode(tensors.encode({"x": rows}, [spec])["x"]) == rows


def test_an_unknown_tensor_is_named_with_those_there_are():
    with pytest.raises(InvalidArgument, match=r"inputs\[y\].*takes x"):
        tensors.encode({"y": [1]}, [ROW])


@pytest.mark.parametrize("value", ["x", "=1", "x=[1,"])
def test_an_input_that_cannot_be_read_is_refused(value):
    with pytest.raises(InvalidArgument):
        tensors.read([value], None)


def test_a_value_of_another_type_names_its_tensor():
    with pytest.raises(InvalidArgument, match=r"inputs\[x\]"):
        tensors.encode({"x": [["a", "b"]]}, [ROW])


def test_rows_of_different_lengths_are_refused():
    with pytest.raises(InvalidArgument, match="different lengths"):
        tensors.encode({"x": [[1, 2], [3], [4, 5, 6]]}, [ROW])


@pytest.mark.parametrize("value", [None, 5, True, 1.5])
def test_what_is_no_text_does_not_become_one(value):
    spec = pb.TensorSpec(name="x", dtype=pb.DATA_TYPE_STRING, shape=[-1, 1])

    with pytest.raises(InvalidArgument, match="must be a string"):
        tensors.encode({"x": [[value]]}, [spec])


def test_answers_are_json_whatever_they_hold():
    tensor = tensors.encode(tensors.read(["x=[[1, NaN], [null, -Infinity]]"], None), [ROW])["x"]

    assert json.loads(json.dumps(tensors.decode(tensor), allow_nan=False)) == [[1.0, "NaN"], ["NaN", "-Infinity"]]
