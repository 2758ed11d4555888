"""The model: histogram gradient boosting over the packed features, as ONNX."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import HistGradientBoostingClassifier

from fp_flights.features import COLUMNS, INPUT
from fp_flights.flights import Flights

# ONNX operator set every ONNX Runtime of the last years knows.
OPSET = {"": 17, "ai.onnx.ml": 3}


@dataclass(frozen=True, slots=True)
class TrainingPolicy:
    """Small trees and few of them: two months hold about 50,000 flights, and weather repeats itself within a day."""

    iterations: int = 120
    learning_rate: float = 0.08
    leaves: int = 15
    smallest_leaf: int = 60
    seed: int = 2013


def train(flights: Flights, policy: TrainingPolicy = TrainingPolicy()) -> Any:
    """Fit on these flights; the same flights and policy give the same model."""
    model = HistGradientBoostingClassifier(
        max_iter=policy.iterations,
        learning_rate=policy.learning_rate,
        max_leaf_nodes=policy.leaves,
        min_samples_leaf=policy.smallest_leaf,
        random_state=policy.seed,
        early_stopping=False,
    )
    return model.fit(flights.features, flights.late)


def losses(model: Any, flights: Flights) -> list[float]:
    """Log-loss on these flights after each iteration."""
    # Of the log-odds: a probability that was rounded to 0 or 1 would have no loss.
    sign = np.where(flights.late, -1.0, 1.0)
    stages = model.staged_decision_function(flights.features)
    return [float(np.logaddexp(0.0, sign * stage.ravel()).mean()) for stage in stages]


def to_onnx(model: Any) -> bytes:
    """The model with input `features` float32 [-1, 12], outputs `label` [-1] and `probabilities` [-1, 2]."""
    onnx_model = convert_sklearn(
        model,
        name="flight_delay",  # the default is random, and equal models must have equal digests
        initial_types=[(INPUT, FloatTensorType([None, len(COLUMNS)]))],
        options={id(model): {"zipmap": False}},
        target_opset=OPSET,
    )
    rename(onnx_model)
    content: bytes = onnx_model.SerializeToString()
    return content


def rename(onnx_model: Any) -> None:
    """`output_label` and such are the converter's names; a model's callers deserve plain ones."""
    names = dict(zip((output.name for output in onnx_model.graph.output), ("label", "probabilities"), strict=True))
    for output in onnx_model.graph.output:
        output.name = names[output.name]
    for node in onnx_model.graph.node:
        for index, name in enumerate(node.output):
            node.output[index] = names.get(name, name)
        for index, name in enumerate(node.input):
            node.input[index] = names.get(name, name)


def late_probability(model: Any, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    probability: npt.NDArray[np.float64] = model.predict_proba(features)[:, 1]
    return probability
