"""A version that is asked again what others were asked."""

import hashlib
from datetime import timedelta

import numpy as np
import onnxruntime
import pytest
from forgepoint.common.v1.model_pb2 import TENSOR_TYPE_FLOAT32, TENSOR_TYPE_INT64, TENSOR_TYPE_STRING, BaselineProfile
from forgepoint.monitor.v1 import prediction_log_pb2 as pb
from fp_jobs.backtests import backtest, facts, span, tensors
from fp_jobs.models import members_of, runner
from fp_kernel import FailedPrecondition, InvalidArgument, new_id
from fp_kernel.answers import scores_of
from fp_kernel.ensembles import Source, Step, ordered, write
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LinearRegression
from sklearn.metrics import log_loss, roc_auc_score

RNG = np.random.default_rng(5)
X = RNG.normal(size=(300, 4)).astype(np.float32)
LATE = (X[:, 0] + 0.3 * RNG.normal(size=300) > 0).astype(int)
CLASSES = ["on_time", "late"]


def classifier(depth=2, columns=4):
    model = GradientBoostingClassifier(n_estimators=20, max_depth=depth, random_state=1)
    model.fit(X * (np.arange(4) < columns), LATE)
    return to_onnx(model, X[:1], options={"zipmap": False}).SerializeToString()


GOOD, BAD = classifier(), classifier(depth=1, columns=0)


def recorded(artifact, rows=1, labelled=200):
    """As inference logs what the artifact answers: in requests of so many rows, the first of which have labels."""
    session = onnxruntime.InferenceSession(artifact, providers=["CPUExecutionProvider"])
    names, found = [each.name for each in session.get_outputs()], []
    for start in range(0, 300, rows):
        given = X[start : start + rows]
        label, scores = session.run(None, {"X": given})
        record = pb.PredictionRecord(version="1", actual_label=CLASSES[LATE[start]] if start < labelled else "")
        each = record.prediction
        each.inputs.add(name="X", type=TENSOR_TYPE_FLOAT32, shape=given.shape, data=given.tobytes())
        each.outputs.add(name=names[0], type=TENSOR_TYPE_INT64, shape=label.shape, data=label.tobytes())
        each.outputs.add(name=names[1], type=TENSOR_TYPE_FLOAT32, shape=scores.shape, data=scores.tobytes())
        found.append(record)
    return found


@pytest.mark.parametrize("rows", [1, 7])
def test_the_version_that_answered_gives_the_recorded_answers_byte_by_byte(rows):
    records = recorded(GOOD, rows)
    report = backtest(records, runner(GOOD), CLASSES)
    assert report.predictions == report.identical == len(records)
    assert (report.difference, report.failed, report.masked) == (0, 0, 0)
    assert report.then == report.now


def test_metrics_are_those_of_the_recorded_and_of_the_new_answers():
    records = recorded(GOOD)
    report = backtest(records, runner(BAD), CLASSES)
    scores = [scores_of(tensors(each.prediction.outputs))[1].numbers(2)[1] for each in records[:200]]
    assert report.labelled == 200
    assert report.then["auc"] == pytest.approx(roc_auc_score(LATE[:200], scores))
    assert report.then["log_loss"] == pytest.approx(log_loss(LATE[:200], scores))
    assert report.now["auc"] == pytest.approx(0.5)
    assert report.identical == 0
    assert report.difference > 0.3
    assert report.lost("auc") > 0.3
    assert report.lost("log_loss") > 0.3
    assert backtest(recorded(BAD), runner(GOOD), CLASSES).lost("auc") < -0.3


def test_classes_are_taken_as_a_profile_has_them():
    profile = BaselineProfile()
    profile.prediction.labels.extend(CLASSES)
    report = backtest(recorded(GOOD), runner(GOOD), profile.prediction.labels)
    assert report.labelled == 200
    assert report.then == report.now


def test_without_labels_there_is_no_metric_to_judge_by():
    report = backtest(recorded(GOOD, labelled=0), runner(GOOD), CLASSES)
    assert report.labelled == 0
    with pytest.raises(FailedPrecondition, match="0 of the predictions have labels"):
        report.lost("auc")


def test_masked_predictions_are_not_asked_again_and_what_fails_is_counted():
    records = recorded(GOOD)
    records[0].prediction.masked.append("X")
    records[1].prediction.inputs[0].name = "y"
    report = backtest(records, runner(GOOD), CLASSES)
    assert (report.masked, report.failed, report.predictions) == (1, 1, 298)
    assert "y" in report.failure
    assert facts(report)["failure"] == report.failure


def test_a_regression_has_its_root_mean_square():
    model = LinearRegression().fit(X, X @ [1, 2, 3, 4])
    artifact = to_onnx(model, X[:1]).SerializeToString()
    session = onnxruntime.InferenceSession(artifact, providers=["CPUExecutionProvider"])
    records = []
    for row in X[:10]:
        (value,) = session.run(None, {"X": row[None]})
        record = pb.PredictionRecord(actual_label=str(float(value[0, 0]) + 2))
        record.prediction.inputs.add(name="X", type=TENSOR_TYPE_FLOAT32, shape=[1, 4], data=row.tobytes())
        record.prediction.outputs.add(name="variable", type=TENSOR_TYPE_FLOAT32, shape=[1, 1], data=value.tobytes())
        records.append(record)
    report = backtest(records, runner(artifact), [])
    assert report.identical == 10
    assert report.now["rmse"] == pytest.approx(2.0, rel=1e-5)


def test_texts_go_in_and_come_out():
    texts = [helper.make_tensor_value_info(name, TensorProto.STRING, ["n"]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", texts[:1], texts[1:])
    artifact = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    record = pb.PredictionRecord()
    data = b"\x03\0\0\0ann\x02\0\0\0\xc3\xa9"
    record.prediction.inputs.add(name="x", type=TENSOR_TYPE_STRING, shape=[2], data=data)
    record.prediction.outputs.add(name="y", type=TENSOR_TYPE_STRING, shape=[2], data=data)
    assert backtest([record], runner(artifact), []).identical == 1


@pytest.mark.parametrize(("text", "found"), [("14d", timedelta(days=14)), ("12h", timedelta(hours=12))])
def test_a_time_back_is_read(text, found):
    assert span(text) == found


@pytest.mark.parametrize("text", ["14", "d", "0d", "-1d", "14days"])
def test_what_is_no_time_back_is_refused(text):
    with pytest.raises(InvalidArgument):
        span(text)


def doubling():
    """A model that gives twice what it takes."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in ("x", "X"))
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["X"])], "g", [x], [y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


@pytest.fixture
def ensemble():
    """Of a model that doubles and the classifier behind it, and the artifacts of both by id."""
    contents = {new_id(): doubling(), new_id(): GOOD}
    digests = [f"sha256:{hashlib.sha256(each).hexdigest()}" for each in contents.values()]
    (first, last), outputs = contents, {name: Source("last", name) for name in ("label", "probabilities")}
    steps = [
        Step("first", first, digests[0], {"x": Source("", "half")}),
        Step("last", last, digests[1], {"X": Source("first", "X")}),
    ]
    return write(ordered(steps, outputs)), contents


def test_an_ensemble_is_asked_step_by_step(ensemble):
    artifact, contents = ensemble
    records = recorded(GOOD)
    for record in records:
        given = record.prediction.inputs[0]
        given.name, given.data = "half", (np.frombuffer(given.data, np.float32) / 2).tobytes()
    assert members_of(artifact).keys() == contents.keys()
    report = backtest(records, runner(artifact, contents), CLASSES)
    assert report.predictions == report.identical == 300
    assert report.then == report.now


def test_what_a_step_refuses_names_the_step(ensemble):
    artifact, contents = ensemble
    record = recorded(GOOD)[0]
    record.prediction.inputs[0].name = "half"
    record.prediction.inputs[0].shape[:] = [2, 2]
    report = backtest([record], runner(artifact, contents), CLASSES)
    assert report.failed == 1
    assert report.failure.startswith("step first: ")


def test_a_member_that_is_not_what_the_ensemble_was_made_of_is_not_asked(ensemble):
    artifact, contents = ensemble
    with pytest.raises(FailedPrecondition, match="the ensemble names"):
        runner(artifact, dict.fromkeys(contents, BAD))


def test_a_model_is_made_of_nothing_else():
    assert members_of(GOOD) == {}
