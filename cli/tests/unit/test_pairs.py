import math

import pytest
from fp_cli import pairs
from fp_kernel import InvalidArgument


def test_metrics_may_be_nan_and_infinite():
    found = pairs.numbers(["loss=nan", "worst=-inf", "auc=0.5"], "metric", finite=False)

    assert math.isnan(found["loss"])
    assert (found["worst"], found["auc"]) == (-math.inf, 0.5)


@pytest.mark.parametrize("value", ["loss=nan", "loss=inf", "loss=x", "loss", "=1"])
def test_a_pair_that_is_no_finite_number_is_named(value):
    with pytest.raises(InvalidArgument, match=f"^metric: '{value}'"):
        pairs.numbers([value], "metric")
