"""The model of a trial, and what is said of one that fails."""

import grpc
import numpy as np
import onnxruntime
import pytest
from fp_cli import trial
from fp_kernel import FailedPrecondition, Unavailable
from onnx import TensorProto, helper


def test_the_model_doubles():
    answer = onnxruntime.InferenceSession(trial.DOUBLE).run(None, {"x": np.array(trial._ASKED, np.float32)})

    assert answer[0].tolist() == trial._ANSWER


def test_its_bytes_are_those_that_these_lines_make():
    rows = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", rows[:1], rows[1:])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="")

    assert made.SerializeToString() == trial.DOUBLE


class Platform:
    """One that refuses whatever it is asked but to archive."""

    def __init__(self, failure):
        self.channel = grpc.insecure_channel("127.0.0.1:1")
        self.failure = failure
        self.asked = []

    def call(self, _, request, *, anonymous=False):
        self.asked.append(type(request).__name__)
        raise self.failure if len(self.asked) == 1 else Unavailable("and gone")


@pytest.mark.parametrize("failure", [FailedPrecondition("the quota is used up"), Unavailable("nothing answers")])
def test_the_first_failure_is_what_is_said(failure):
    found = trial.of_predictions(Platform(failure))

    assert (found.check, found.result, found.detail) == ("prediction", "fail", failure.message)
