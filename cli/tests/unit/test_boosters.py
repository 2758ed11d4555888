"""Models of XGBoost and LightGBM answer as those libraries do once they are converted, and are refused else."""

import pickle
import warnings

import lightgbm
import numpy as np
import onnxruntime
import pytest
import xgboost
from fp_cli import conversion, conversion_check, model_check
from fp_kernel import FailedPrecondition, InvalidArgument

RNG = np.random.default_rng(5)
X = RNG.normal(size=(300, 4)).astype(np.float32)
LATE = (X[:, 0] + X[:, 1] > 0).astype(int)
THREE = LATE + (X[:, 2] > 0.5)
DELAY = X[:, 0] * 3 + X[:, 3]
ASKED = RNG.normal(size=(50, 4)).astype(np.float32)
# Trees compare float32 with thresholds of float64: both libraries and ONNX sum leaves in another order.
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def converted(file):
    return conversion.onnx_of(file, unpickle=True, sample=None)


def answers(found):
    checked = model_check.check(found.content)
    assert (checked.refusal, checked.left_out, checked.shares) == ("", (), True), checked.why
    session = onnxruntime.InferenceSession(found.content, providers=["CPUExecutionProvider"])
    return dict(zip([each.name for each in session.get_outputs()], session.run(None, {"features": ASKED}), strict=True))


def scores(value):
    """Of a classifier: a row for each row, whether they come as maps or as a tensor."""
    return np.array([[row[key] for key in sorted(row)] for row in value]) if isinstance(value, list) else value


@pytest.fixture
def kept(tmp_path):
    def keep(model, name):
        path = tmp_path / name
        if name.endswith(".pkl"):
            path.write_bytes(pickle.dumps(model))
        else:
            model.save_model(path)
        return path

    return keep


@pytest.mark.parametrize("name", ["model.json", "model.ubj", "model.pkl"])
@pytest.mark.parametrize(("target", "objective"), [(LATE, "binary:logistic"), (THREE, "multi:softprob")])
def test_a_classifier_of_xgboost_gives_its_labels_and_probabilities(kept, name, target, objective):
    model = xgboost.XGBClassifier(n_estimators=8, max_depth=3, n_jobs=1, objective=objective).fit(X, target)
    found = converted(kept(model if name.endswith(".pkl") else model.get_booster(), name))
    assert found.framework == "xgboost"
    label, probabilities = answers(found).values()
    assert label.tolist() == model.predict(ASKED).tolist()
    assert np.allclose(scores(probabilities), model.predict_proba(ASKED), **CLOSE)


@pytest.mark.parametrize("name", ["model.json", "model.pkl"])
def test_a_regressor_of_xgboost_gives_its_values(kept, name):
    model = xgboost.XGBRegressor(n_estimators=8, max_depth=3, n_jobs=1).fit(X, DELAY)
    (values,) = answers(converted(kept(model if name.endswith(".pkl") else model.get_booster(), name))).values()
    assert np.allclose(values.reshape(-1), model.predict(ASKED), **CLOSE)


@pytest.mark.parametrize("name", ["model.txt", "model.pkl"])
@pytest.mark.parametrize("target", [LATE, THREE])
def test_a_classifier_of_lightgbm_gives_its_labels_and_probabilities(kept, name, target):
    model = lightgbm.LGBMClassifier(n_estimators=8, num_leaves=7, n_jobs=1, verbose=-1).fit(X, target)
    found = converted(kept(model if name.endswith(".pkl") else model.booster_, name))
    assert found.framework == "lightgbm"
    label, probabilities = answers(found).values()
    wanted = model.predict_proba(ASKED)
    assert label.tolist() == wanted.argmax(axis=1).tolist()
    assert np.allclose(scores(probabilities), wanted, **CLOSE)


@pytest.mark.parametrize("name", ["model.txt", "model.pkl"])
def test_a_regressor_of_lightgbm_gives_its_values(kept, name):
    model = lightgbm.LGBMRegressor(n_estimators=8, num_leaves=7, n_jobs=1, verbose=-1).fit(X, DELAY)
    (values,) = answers(converted(kept(model if name.endswith(".pkl") else model.booster_, name))).values()
    assert np.allclose(values.reshape(-1), model.predict(ASKED), **CLOSE)


def test_columns_keep_the_names_that_the_booster_knows(kept):
    data = lightgbm.Dataset(X, LATE, feature_name=["hour", "day", "distance", "wind"])
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, data, num_boost_round=3)
    assert converted(kept(booster, "model.txt")).columns == ["hour", "day", "distance", "wind"]
    named = xgboost.DMatrix(X, LATE, feature_names=["hour", "day", "distance", "wind"])
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, named, num_boost_round=3)
    assert converted(kept(booster, "model.json")).columns == ["hour", "day", "distance", "wind"]


@pytest.mark.parametrize("name", ["model.json", "model.ubj", "model.txt"])
def test_a_file_of_something_else_is_refused_by_name(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"no model")
    with pytest.raises(InvalidArgument, match=r"is no model of (XGBoost|LightGBM)"):
        converted(path)


def test_what_no_converter_knows_is_refused_with_the_reason(kept):
    ranker = xgboost.XGBRanker(n_estimators=2, n_jobs=1).fit(X, LATE, group=[300])
    linear = xgboost.train({"booster": "gblinear", "nthread": 1}, xgboost.DMatrix(X, DELAY), num_boost_round=2)
    for model, name in ((ranker, "model.pkl"), (linear, "model.json")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(FailedPrecondition, match="cannot be converted: "):
                converted(kept(model, name))


def test_what_a_converter_takes_for_something_else_is_refused(kept):
    """Each of these is converted without a word, to a model that gives other answers."""
    data = lightgbm.Dataset(X, DELAY)
    forest = {"objective": "regression", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}
    of_lightgbm = lightgbm.train(forest | {"verbose": -1, "num_threads": 1}, data, num_boost_round=5)
    raw, regression = (
        xgboost.train({"objective": objective, "nthread": 1}, xgboost.DMatrix(X, LATE), num_boost_round=5)
        for objective in ("binary:logitraw", "reg:logistic")
    )
    for model, name in ((of_lightgbm, "model.txt"), (raw, "model.json"), (regression, "model.ubj")):
        with pytest.raises(FailedPrecondition, match="gives other answers than its own predict"):
            converted(kept(model, name))


def test_what_does_not_run_once_it_is_converted_is_refused_with_the_reason(kept):
    narrow = xgboost.XGBRegressor(n_estimators=2, max_depth=2, n_jobs=1).fit(X[:, :2], DELAY)
    content = converted(kept(narrow, "model.pkl")).content
    wide = xgboost.XGBRegressor(n_estimators=2, max_depth=2, n_jobs=1).fit(X, DELAY)
    with pytest.raises(FailedPrecondition, match=r"does not run: .*INVALID_ARGUMENT"):
        conversion_check.check(wide, content, ["f0", "f1", "f2", "f3"], None)
