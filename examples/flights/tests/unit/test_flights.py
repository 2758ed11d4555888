import subprocess
import sys

import numpy as np
import pytest
from fp_flights import data, evaluate, profile, training
from fp_flights.features import COLUMNS

# skl2onnx hands a boolean to a field of ints; protobuf 7.34 will refuse it, the pinned one only warns.
pytestmark = pytest.mark.filterwarnings("ignore:Field onnx.AttributeProto.ints:DeprecationWarning")

# Each tree costs the converter as much as all that these tests do with it.
SMALL = training.TrainingPolicy(iterations=12)


@pytest.fixture(scope="module")
def january():
    return data.load().months(1).with_outcome()


@pytest.fixture(scope="module")
def fitted(january):
    sample = january.where(np.arange(len(january)) % 10 == 0)
    return sample, training.train(sample, SMALL)


def test_every_flight_is_there_once_and_nothing_that_was_known_is_missing():
    flights = data.load()

    assert len(flights) == len(np.unique(flights.key)) == 336_776
    assert flights.features.shape == (336_776, len(COLUMNS))
    assert not np.isnan(flights.features).any()


def test_a_flight_that_was_cancelled_or_diverted_never_arrives():
    flights = data.load()

    assert len(flights.with_outcome()) == len(flights.order_of_arrival()) == 327_346
    assert not flights.late[~flights.landed()].any()


def test_arrivals_are_those_of_the_clocks_at_the_gates():
    flights = data.load()
    arrival = dict(zip(flights.key.tolist(), flights.arrival.tolist(), strict=True))

    # Half past eight in Houston, and 3:16 pm in Honolulu.
    assert arrival["UA1545-EWR-2013-01-01T1015"].isoformat() == "2013-01-01T14:30:00"
    assert arrival["HA51-JFK-2013-01-01T1400"].isoformat() == "2013-01-02T01:16:00"
    hours = (flights.with_outcome().arrival - flights.with_outcome().scheduled).astype(int) / 3_600
    assert hours.min() > 0.25
    assert np.quantile(hours, 0.999) < 12


def test_flights_arrive_in_their_order():
    flights = data.load()

    landed = flights.where(flights.order_of_arrival())
    assert (np.diff(landed.arrival.astype(int)) >= 0).all()


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

    assert training.to_onnx(training.train(sample, SMALL)) == training.to_onnx(model)


def test_the_loss_is_told_after_each_iteration_and_ends_at_that_of_the_model(fitted):
    sample, model = fitted

    losses = training.losses(model, sample)

    assert len(losses) == SMALL.iterations
    assert losses == sorted(losses, reverse=True)
    expected = evaluate.metrics(sample.late, training.late_probability(model, sample.features))["log_loss"]
    assert losses[-1] == pytest.approx(expected)


def test_a_job_that_measures_does_not_wait_for_the_imports_of_one_that_trains():
    seen = "import sys, fp_flights.evaluate_job; print({'fp_flights.data', 'skl2onnx'} & sys.modules.keys())"

    done = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"


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


def test_a_column_that_never_changes_has_a_bin_on_both_sides_of_its_value():
    bins = profile.numeric_bins(np.array([7.0] * 10))

    assert len(bins.edges) == 2
    assert bins.edges[0] < bins.edges[1] == 7.0
    assert list(bins.counts) == [0, 10, 0]
