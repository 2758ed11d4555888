"""Every field of every route with every value at the edge of what can be sent, of which `make test` sends some."""

import pytest
from larger_runs import passes

pytestmark = pytest.mark.proof


def test_no_value_of_any_field_of_any_route_is_an_internal_error():
    passes("FP_EVERY_VALUE", "tests/e2e/test_edge_values.py")
