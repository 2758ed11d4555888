"""A version declares the inputs that its model takes; those with a default may be left out of either."""

import pytest
from fp_pipeline.app.attempt import StepFailed
from fp_pipeline.app.executors.deploy import _same_inputs
from fp_pipeline.app.peers import ModelVersion, Served, ServedState, Stage, VersionStatus

TAKEN = Served(ServedState.READY, inputs=frozenset({"x"}), optional=frozenset({"scale"}))


def declared(*inputs: str) -> ModelVersion:
    return ModelVersion("m", "delays", "v", "1", VersionStatus.READY, Stage.DEV, "sha256:0", inputs=frozenset(inputs))


@pytest.mark.parametrize("inputs", [(), ("x",), ("x", "scale")])
def test_an_input_with_a_default_may_be_declared_or_not(inputs: tuple[str, ...]) -> None:
    _same_inputs(declared(*inputs), TAKEN)


@pytest.mark.parametrize("inputs", [("y",), ("scale",), ("x", "y")])
def test_other_inputs_than_the_model_takes_end_the_deployment(inputs: tuple[str, ...]) -> None:
    with pytest.raises(StepFailed, match="but the model takes x"):
        _same_inputs(declared(*inputs), TAKEN)
