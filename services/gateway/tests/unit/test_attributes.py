"""Attributes of a prediction come by header or body; the body goes before."""

import pytest
from fp_gateway.http import attributes
from fp_kernel import InvalidArgument
from starlette.requests import Request


def asked(value):
    return Request({"type": "http", "headers": [(b"prediction-attributes", value.encode())] if value else []})


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
    assert attributes.of_header(asked(value)) == found


@pytest.mark.parametrize("value", ["plan", "plan=gold, plan=silver", "plan=gold, x"])
def test_a_header_that_is_no_list_of_names_and_values_is_refused(value):
    with pytest.raises(InvalidArgument) as caught:
        attributes.of_header(asked(value))
    assert caught.value.fields[0].field == "prediction-attributes"


def test_the_body_goes_before_the_header():
    header = {"plan": "gold", "country": "NZ"}
    assert attributes.merged(header, None, "attributes") == header
    assert attributes.merged(header, {"plan": "free"}, "attributes") == {"plan": "free", "country": "NZ"}
    for wrong in ([], {"plan": 1}, "plan=gold"):
        with pytest.raises(InvalidArgument):
            attributes.merged(header, wrong, "attributes")
