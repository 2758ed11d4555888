"""Attributes of a prediction by the header."""

import pytest
from fp_kernel import InvalidArgument
from fp_oip import attributes


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("", {}),
        ("plan=gold", {"plan": "gold"}),
        (" plan = gold , country=NZ,", {"plan": "gold", "country": "NZ"}),
        ("query=a=b, empty=", {"query": "a=b", "empty": ""}),
    ],
)
def test_a_header_names_attributes(value, found):
    assert attributes.of_header(value) == found


@pytest.mark.parametrize("value", ["plan", "plan=gold, plan=silver", "plan=gold, x"])
def test_a_header_that_is_no_list_of_names_and_values_is_refused(value):
    with pytest.raises(InvalidArgument) as caught:
        attributes.of_header(value)
    assert caught.value.fields[0].field == "prediction-attributes"
