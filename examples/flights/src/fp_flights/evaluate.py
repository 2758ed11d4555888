"""How good a model's scores are. Accuracy is left out: it rises in September while the ranking gets worse."""

import math

import numpy as np
import numpy.typing as npt
import onnxruntime

from fp_flights.features import INPUT

_LEAST = float(np.finfo(np.float64).eps)


def scores(artifact: bytes, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The probability of `late` that the ONNX artifact gives each row."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(artifact, options, providers=["CPUExecutionProvider"])
    (probabilities,) = session.run(["probabilities"], {INPUT: features})
    return np.asarray(probabilities[:, 1], dtype=np.float64)


def metrics(late: npt.NDArray[np.bool_], probability: npt.NDArray[np.float64]) -> dict[str, float]:
    """As scikit-learn has them, whose import takes longer than a job that only measures. nan without both outcomes."""
    sure = np.clip(probability, _LEAST, 1 - _LEAST)
    return {"auc": _auc(late, probability), "log_loss": float(-np.log(np.where(late, sure, 1 - sure)).mean())}


def _auc(late: npt.NDArray[np.bool_], probability: npt.NDArray[np.float64]) -> float:
    """How often a late flight has the higher score; equal scores count half."""
    _, places, counts = np.unique(probability, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    ones, zeros = int(late.sum()), int((~late).sum())
    if not ones or not zeros:
        return math.nan
    return float((ranks[late].sum() - ones * (ones + 1) / 2) / (ones * zeros))
