import numpy as np
import pytest
from fp_flights import data, evaluate, profile, training
from fp_flights.features import COLUMNS

# skl2onnx hands a boolean to a field of ints; protobuf 7.34 will refuse it, the pinned one only warns.
pytestmark = pytest.mark.filterwarnings("ignore:Field onnx.AttributeProto.ints:DeprecationWarning")


@pytest.fixture(scope="module")
def january():
    return data.load().months(1)


@pytest.fixture(scope="module")
def fitted(january):
    sample = january.where(np.arange(len(january)) % 10 == 0)
    return sample, training.train(sample)


def test_every_flight_that_arrived_is_there_once_and_nothing_is_missing():
    flights = data.load()

    assert len(flights) == 327_346
    assert flights.features.shape == (327_346, len(COLUMNS))
    assert not np.isnan(flights.features).any()


def test_flights_come_in_the_order_of_their_departure():
    assert (np.diff(data.load().scheduled.astype(int)) >= 0).all()


def test_weeks_are_held_out_whole(january):
    days = january.scheduled.astype("datetime64[D]")

    for day in np.unique(days):
        assert len(set(january.held_out()[days == day].tolist())) <= 2
    assert 0.15 < january.held_out().mean() < 0.35


def test_the_onnx_artifact_answers_as_the_model_it_came_from(fitted):
    sample, model = fitted

    scores = evaluate.scores(training.to_onnx(model), sample.features)

    assert np.abs(scores - training.late_probability(model, sample.features)).max() < 1e-5


def test_the_same_flights_give_the_same_artifact(fitted):
    sample, model = fitted

    assert training.to_onnx(training.train(sample)) == training.to_onnx(model)


def test_a_profile_counts_every_flight_in_every_feature(fitted):
    sample, model = fitted
    scores = training.late_probability(model, sample.features)

    baseline = profile.baseline(sample, scores, np.full(len(COLUMNS), 1 / len(COLUMNS)), {"auc": 0.7})

    for feature in baseline.features:
        bins = feature.numeric if feature.HasField("numeric") else feature.categorical
        assert sum(bins.counts) == len(sample)
    assert sum(baseline.prediction.label_counts) == len(sample)
    assert len(baseline.SerializeToString()) < 256 * 1024


def test_a_value_on_an_edge_belongs_to_the_bin_below_it():
    bins = profile.numeric_bins(np.array([0.0] * 9 + [1.0]))

    assert list(bins.edges) == [0.0]
    assert list(bins.counts) == [9, 1]


def test_the_signature_names_a_column_for_every_feature():
    (tensor,) = profile.signature().inputs

    assert [column.name for column in tensor.columns] == list(COLUMNS)
    assert tensor.shape[-1] == len(COLUMNS)
