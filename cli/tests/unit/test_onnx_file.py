import pytest
from forgepoint.common.v1 import model_pb2 as pb
from fp_cli import onnx_file
from fp_kernel import InvalidArgument
from onnx import TensorProto, helper


def model(width=3):
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, width])],
    )
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()


def test_a_file_tells_its_own_tensors():
    signature = onnx_file.signature(model(), [])

    assert signature.inputs[0] == pb.SignatureTensor(name="x", type=pb.TENSOR_TYPE_FLOAT32, shape=[-1, 3])
    assert signature.outputs[0].name == "y"


def test_columns_name_the_features():
    signature = onnx_file.signature(model(), ["a", "b", "c"])

    assert [column.name for column in signature.inputs[0].columns] == ["a", "b", "c"]


def test_columns_that_do_not_fit_are_refused():
    with pytest.raises(InvalidArgument, match="columns"):
        onnx_file.signature(model(), ["a"])


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x00" * 100])
def test_a_file_that_is_no_model_is_refused(content):
    with pytest.raises(InvalidArgument, match="file"):
        onnx_file.signature(content, [])
