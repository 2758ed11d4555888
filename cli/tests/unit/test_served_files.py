"""What is said of a model's file before it is uploaded, and files that are no ONNX."""

import csv
import json
import pickle

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from fp_cli import conversion, model_check, model_speed, onnx_file
from fp_cli.failures import reporting
from fp_cli.main import app, hoisted
from fp_kernel import FailedPrecondition, InvalidArgument
from fp_kernel.signatures import Column
from fp_kernel.tensors import ElementType
from fp_onnx import read_artifact, session
from onnx import TensorProto, helper, numpy_helper
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

RNG = np.random.default_rng(3)
NUMBERS = RNG.normal(size=(200, 2)).astype(np.float32)
LATE = np.where(NUMBERS[:, 0] + NUMBERS[:, 1] > 0, "late", "on time")


def made(node, opset=17, **more):
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        **more,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8).SerializeToString()


def run(*words):
    """Exit code and nothing else: what is printed is the test's to capture."""
    return reporting(lambda: app(args=hoisted(list(map(str, words))), prog_name="fp"))


@pytest.fixture
def relu(tmp_path):
    path = tmp_path / "relu.onnx"
    path.write_bytes(made(helper.make_node("Relu", ["x"], ["y"])))
    return path


def test_a_file_is_checked_without_a_platform(relu, capsys):
    assert run("models", "check", relu) == 0
    shown = capsys.readouterr().out
    assert "callers share runs" in shown
    assert "microseconds of 64 rows" in shown
    assert run("-o", "json", "models", "check", relu) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["served"]
    assert found["shares_runs"]
    assert found["inputs"] == [{"name": "x", "type": "float32", "shape": [-1, 2], "columns": [], "optional": False}]
    assert found["microseconds_of_1_rows"] > 0


def test_what_would_be_refused_has_its_exit_code_and_the_reason(tmp_path, capsys):
    path = tmp_path / "new.onnx"
    path.write_bytes(made(helper.make_node("Relu", ["x"], ["y"]), opset=99))
    assert run("-o", "json", "models", "check", path) == 6
    printed = capsys.readouterr()
    assert json.loads(printed.out)["refusal"].startswith("it needs opset 99")
    assert "would refuse it: it needs opset 99" in printed.err


def test_the_operator_that_keeps_callers_from_sharing_a_run_is_named():
    found = model_check.check(made(helper.make_node("CumSum", ["x", "zero"], ["y"]), initializer=[_zero()]))
    assert (found.shares, found.why) == (False, "CumSum may mix rows, or is not known to keep them apart")


def _zero():
    return helper.make_tensor("zero", TensorProto.INT64, [], [0])


def test_a_file_that_is_no_model_is_named(tmp_path, capsys):
    path = tmp_path / "x.onnx"
    path.write_bytes(b"no model")
    assert run("models", "check", path) == 6
    assert "is not an ONNX model" in capsys.readouterr().err


def _pickled(tmp_path, model):
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(model))
    return path


def test_a_pickle_is_read_only_when_its_maker_says_so(tmp_path):
    with pytest.raises(InvalidArgument, match="--unpickle"):
        conversion.onnx_of(_pickled(tmp_path, {"a": 1}), unpickle=False, sample=None)


def test_a_gradient_boosting_names_its_classes_and_answers_as_before(tmp_path):
    model = GradientBoostingClassifier(n_estimators=5).fit(NUMBERS, LATE)
    found = conversion.onnx_of(_pickled(tmp_path, model), unpickle=True, sample=None)
    assert (found.framework, found.columns) == ("sklearn", ["f0", "f1"])
    checked = model_check.check(found.content)
    assert checked.refusal == ""
    assert checked.shares
    assert checked.signature.outputs[1].columns == (Column("late"), Column("on time"))
    labels, scores = onnxruntime.InferenceSession(found.content).run(None, {"features": NUMBERS})
    assert labels.tolist() == model.predict(NUMBERS).tolist()
    mapped = [[row["late"], row["on time"]] for row in scores]
    assert np.allclose(mapped, model.predict_proba(NUMBERS), atol=1e-5)


def test_a_pipeline_of_texts_is_converted_by_a_sample(tmp_path):
    table = pd.DataFrame({"hour": NUMBERS[:, 0], "carrier": np.where(NUMBERS[:, 1] > 0, "UA", "DL")})
    steps = make_column_transformer((OneHotEncoder(), ["carrier"]), (StandardScaler(), ["hour"]))
    model = make_pipeline(steps, LogisticRegression()).fit(table, LATE)
    sample = tmp_path / "sample.csv"
    table.to_csv(sample, index=False)
    found = conversion.onnx_of(_pickled(tmp_path, model), unpickle=True, sample=conversion.sample_of(sample))
    inputs = {spec.name: spec.element for spec in model_check.check(found.content).signature.inputs}
    assert inputs == {"hour": ElementType.FLOAT32, "carrier": ElementType.STRING}
    given = {
        "hour": NUMBERS[:, :1],
        "carrier": table["carrier"].to_numpy().astype(object).reshape(-1, 1),
    }
    assert onnxruntime.InferenceSession(found.content).run(None, given)[0].tolist() == model.predict(table).tolist()


@pytest.mark.parametrize("model", [{"a": 1}, LogisticRegression(), OneHotEncoder])
def test_what_cannot_be_converted_is_refused_with_the_reason(tmp_path, model):
    with pytest.raises((FailedPrecondition, InvalidArgument), match=r"holds a|cannot be converted"):
        conversion.onnx_of(_pickled(tmp_path, model), unpickle=True, sample=None)


def test_a_pickle_that_cannot_be_read_here_is_refused(tmp_path):
    path = tmp_path / "model.joblib"
    path.write_bytes(b"\x80\x04cnowhere\nthing\n.")
    with pytest.raises(InvalidArgument, match="cannot be unpickled here"):
        conversion.onnx_of(path, unpickle=True, sample=None)


@pytest.mark.parametrize(("lines", "says"), [(["a,b"], "a header and a row"), (["a,b", "1"], "line 2 has 1 values")])
def test_a_sample_that_is_no_table_is_refused(tmp_path, lines, says):
    path = tmp_path / "s.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(InvalidArgument, match=says):
        conversion.sample_of(path)


@pytest.mark.parametrize(
    "content", [b"a\n\xff\n", b"a\n" + b"1" * (16 * 1024 * 1024 + 1)], ids=["no UTF-8", "a long cell"]
)
def test_a_sample_that_cannot_be_read_is_refused(tmp_path, content):
    path = tmp_path / "s.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidArgument, match="is no CSV file"):
        conversion.sample_of(path)


def test_weights_of_any_name_are_measured(tmp_path):
    """Also under the name that the command's own copy of the bundle has."""
    path = tmp_path / "m.onnx"
    weights = numpy_helper.from_array(np.ones((2, 2), np.float32), "w")
    model = onnx.load_from_string(made(helper.make_node("MatMul", ["x", "w"], ["y"]), initializer=[weights]))
    onnx.save(model, path, save_as_external_data=True, location="artifact", size_threshold=0)
    # Longer than what is read of the copy at once.
    padded = tmp_path / "artifact"
    padded.write_bytes(padded.read_bytes() + bytes(2 * 1024 * 1024))
    content = conversion.onnx_of(path, unpickle=False, sample=None).content
    assert model_speed.measure(content, model_check.check(content).signature.inputs).keys() == {"1", "64"}


def test_a_column_is_of_texts_when_one_of_its_values_is_no_number(tmp_path):
    path = tmp_path / "s.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["a", "b"], ["1", "x"], ["", "2"]])
    assert conversion.sample_of(path).texts == {"b"}


def test_samples_that_fit_travel_with_the_model_and_others_are_refused_by_name(relu, tmp_path, capsys):
    samples = tmp_path / "samples.json"
    samples.write_text('[{"x": [1, 2]}, {"x": [[1, 2], [3, 4]]}]')
    assert run("models", "check", relu, "--warm-up", samples) == 0
    assert "callers share runs" in capsys.readouterr().out
    bundle = onnx_file.with_samples(relu.read_bytes(), samples)
    assert read_artifact([bundle]).warm_up == samples.read_bytes()
    for wrong, field in (('[{"x": [1]}]', "warm_up[0][x].shape"), ("{}", "warm_up"), ('[{"y": 1}]', "warm_up[0][y]")):
        samples.write_text(wrong)
        assert run("models", "check", relu, "--warm-up", samples) != 0
        assert field in capsys.readouterr().err


def test_what_is_for_models_is_refused_beside_an_ensemble(relu, tmp_path, capsys):
    ensemble = tmp_path / "both.yaml"
    ensemble.write_text("steps: []\noutputs: {}\n")
    assert run("models", "check", ensemble, "--warm-up", relu) != 0
    assert "is not for an ensemble" in capsys.readouterr().err


def test_an_ensemble_does_not_run_on_this_machine():
    with pytest.raises(FailedPrecondition, match="is an ensemble"):
        session.opened(b'{"kind": "ensemble"}')
