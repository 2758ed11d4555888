"""Tensors in the messages of every package that has them."""

import pytest
from forgepoint.inference.v1 import inference_pb2
from forgepoint.serving.v1 import serving_pb2
from fp_kernel import InvalidArgument
from fp_kernel.signatures import TensorSpec
from fp_kernel.tensors import ElementType, Tensor
from fp_rpc.tensors import TensorForm

PACKAGES = [inference_pb2, serving_pb2]


def form(package):
    return TensorForm(package.TensorData, package.TensorSpec, package.DataType)


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("element", ElementType)
def test_a_tensor_and_its_declaration_come_back_as_they_went(package, element):
    tensors = {"x": Tensor(element, (2, 1), b"\0" * 16), "y": Tensor(element, (), b"")}
    messages = form(package).all_to_pb(tensors)
    assert messages["x"].dtype == package.DataType.Value(f"DATA_TYPE_{element.name}")
    again = {name: package.TensorData.FromString(message.SerializeToString()) for name, message in messages.items()}
    assert form(package).all_from_pb(again) == tensors
    spec = TensorSpec("x", element, (-1, 3))
    assert form(package).spec_from_pb(form(package).spec_to_pb(spec)) == spec


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("number", [0, 99])
def test_an_element_type_that_is_missing_or_unknown_names_its_field(package, number):
    with pytest.raises(InvalidArgument) as caught:
        form(package).all_from_pb({"x": package.TensorData(shape=[1], dtype=number)}, "outputs")
    assert caught.value.fields[0].field == "outputs[x].dtype"
