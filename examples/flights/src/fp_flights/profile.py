"""Signature and baseline profile of a model: what a monitor later compares the traffic with."""

import numpy as np
import numpy.typing as npt
from forgepoint.common.v1 import model_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from fp_flights.features import CATEGORIES, COLUMNS, INPUT, LABELS
from fp_flights.flights import Flights

BINS = 10
# The score above which the model's own label is `late`.
CUT = 0.5


def signature() -> pb.Signature:
    columns = [pb.SignatureColumn(name=name, categories=CATEGORIES.get(name, ())) for name in COLUMNS]
    return pb.Signature(
        inputs=[pb.SignatureTensor(name=INPUT, type=pb.TENSOR_TYPE_FLOAT32, shape=[-1, len(COLUMNS)], columns=columns)],
        outputs=[
            pb.SignatureTensor(name="label", type=pb.TENSOR_TYPE_INT64, shape=[-1]),
            pb.SignatureTensor(name="probabilities", type=pb.TENSOR_TYPE_FLOAT32, shape=[-1, len(LABELS)]),
        ],
    )


def baseline(
    flights: Flights, scores: npt.NDArray[np.float64], importance: npt.NDArray[np.float64], metrics: dict[str, float]
) -> pb.BaselineProfile:
    """Distributions of the training flights.

    scores: the model's probability of `late`, one a flight. importance: one a column, summing to 1.
    """
    return pb.BaselineProfile(
        features=[_feature(flights, index, name, float(importance[index])) for index, name in enumerate(COLUMNS)],
        prediction=pb.PredictionBaseline(
            labels=LABELS,
            label_counts=np.bincount(scores > CUT, minlength=len(LABELS)).tolist(),
            scores=numeric_bins(scores),
        ),
        metrics=metrics,
        sample_count=len(flights),
        window_start=_timestamp(flights.scheduled.min()),
        window_end=_timestamp(flights.scheduled.max()),
    )


def numeric_bins(values: npt.NDArray[np.floating]) -> pb.NumericBins:
    """Bins at the deciles; equal deciles (rain is mostly 0) collapse into one edge.

    A column that never changes gets an edge below its value too: else values that fall would stay in its bin.
    """
    quantiles = np.quantile(values.astype(np.float64), np.linspace(0, 1, BINS + 1)[1:-1], method="inverted_cdf")
    edges = np.unique(quantiles)
    if values.min() == values.max():
        edges = np.array([np.nextafter(edges[0], -np.inf), edges[0]])
    # side="left" puts a value equal to an edge below it: bin i holds edges[i-1] < x <= edges[i].
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
    return pb.NumericBins(edges=edges.tolist(), counts=counts.tolist())


def _feature(flights: Flights, index: int, name: str, importance: float) -> pb.FeatureBaseline:
    column = flights.features[:, index]
    if name not in CATEGORIES:
        return pb.FeatureBaseline(name=name, numeric=numeric_bins(column), importance=importance)
    labels = CATEGORIES[name]
    counts = np.bincount(column.astype(int), minlength=len(labels))
    return pb.FeatureBaseline(
        name=name, categorical=pb.CategoryCounts(labels=labels, counts=counts.tolist()), importance=importance
    )


def _timestamp(moment: np.datetime64) -> Timestamp:
    return Timestamp(seconds=int(moment.astype("datetime64[s]").astype(int)))
