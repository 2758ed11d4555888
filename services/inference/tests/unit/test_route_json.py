"""Routes come back from Redis as they went, and those of an older release too."""

import json

import pytest
from fp_inference.adapters.route_json import dump_target, load_target
from fp_inference.domain.routes import Target
from fp_kernel.signatures import Column, Signature, TensorSpec
from fp_kernel.tensors import ElementType
from fp_testkit.wallclock import MOMENT


def target(element: ElementType) -> Target:
    inputs = (TensorSpec("x", element, (-1, 1), (Column("hour"),)), TensorSpec("scale", element, (1,), optional=True))
    return Target(
        model_id="m",
        version_id="v",
        version="1",
        endpoint="127.0.0.1:1",
        weight_bps=10_000,
        sequence=1,
        deployed_at=MOMENT,
        signature=Signature(inputs),
    )


@pytest.mark.parametrize("element", ElementType)
def test_a_target_comes_back_as_it_went(element: ElementType) -> None:
    assert load_target(dump_target(target(element))) == target(element)


def test_a_target_that_an_older_release_stored_has_no_optional_inputs() -> None:
    stored = json.loads(dump_target(target(ElementType.FLOAT32)))
    for spec in stored["signature"]["inputs"]:
        del spec["optional"]
    assert [spec.optional for spec in load_target(json.dumps(stored)).signature.inputs] == [False, False]
