"""How good a model's scores are. Accuracy is left out: it rises in September while the ranking gets worse."""

import numpy as np
import numpy.typing as npt
from fp_onnx.session import opened
from sklearn.metrics import log_loss, roc_auc_score

from fp_flights.features import INPUT


def scores(artifact: bytes, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The probability of `late` that the ONNX artifact gives each row."""
    (probabilities,) = opened(artifact).run(["probabilities"], {INPUT: features})
    return np.asarray(probabilities[:, 1], dtype=np.float64)


def metrics(late: npt.NDArray[np.bool_], probability: npt.NDArray[np.float64]) -> dict[str, float]:
    return {
        "auc": float(roc_auc_score(late, probability)),
        "log_loss": float(log_loss(late, probability, labels=[False, True])),
    }
