"""Every element type as JSON and as bytes, by both HTTP routes."""

import base64

import orjson
import pytest
from fp_gateway.http import tensors
from fp_kernel import InvalidArgument
from fp_kernel.packing import pack
from fp_kernel.tensors import ElementType
from fp_oip.infer import Inference
from fp_oip.tensors import DATATYPES
from hypothesis import given
from hypothesis import strategies as st

VALUES = {ElementType.STRING: ["a", "ü"], ElementType.BOOL: [True, False]}


@pytest.mark.parametrize("element", ElementType)
def test_each_element_type_may_be_sent_as_values_and_as_bytes(element):
    values = VALUES.get(element, [0, 1])
    tensor = tensors.TENSORS.to_pb(pack([values], element, "x"))
    as_values = {"dtype": element.name, "data": [values]}
    as_bytes = {"dtype": element.name, "shape": [1, 2], "data": base64.b64encode(tensor.data).decode()}
    for document in (as_values, as_bytes):
        found = tensors.from_json(document, "inputs[x]")
        assert found == tensor
        assert tensors.to_json(found) == {"dtype": element.name, "shape": [1, 2], "data": values}


@pytest.mark.parametrize(("datatype", "element"), DATATYPES.items())
def test_each_type_of_the_open_inference_protocol_may_be_sent(datatype, element):
    values = VALUES.get(element, [0, 1])
    document = {"inputs": [{"name": "x", "datatype": datatype, "shape": [1, 2], "data": values}]}
    message = Inference(orjson.dumps(document), {}, "m", "").message
    assert message.inputs["x"] == tensors.TENSORS.to_pb(pack([values], element, "x"))


def test_the_protocol_names_every_element_type():
    assert set(DATATYPES.values()) == set(ElementType)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=8,
)


@given(st.sampled_from(sorted(DATATYPES)), JSON, JSON)
def test_any_document_is_a_tensor_or_refused_by_the_name_of_its_field(datatype, shape, data):
    refused = None
    try:
        tensors.from_json({"dtype": DATATYPES[datatype].name, "shape": shape, "data": data}, "inputs[x]")
    except InvalidArgument as error:
        refused = error.fields[0].field
    assert refused in {None, "inputs[x].shape", "inputs[x].data"}
