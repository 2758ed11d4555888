"""Attributes of a prediction come by header or body; the body goes before."""

import pytest
from fp_gateway.http import attributes
from fp_kernel import InvalidArgument


def test_the_body_goes_before_the_header():
    header = {"plan": "gold", "country": "NZ"}
    assert attributes.merged(header, None, "attributes") == header
    assert attributes.merged(header, {"plan": "free"}, "attributes") == {"plan": "free", "country": "NZ"}
    for wrong in ([], {"plan": 1}, "plan=gold"):
        with pytest.raises(InvalidArgument):
            attributes.merged(header, wrong, "attributes")
