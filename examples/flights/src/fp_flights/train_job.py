"""TRAIN: fit on the months of the step's config and put the model with its profile.

config: {"module": "fp_flights.train_job", "months": [1, 2], "outputs": ["model.onnx", "profile.json"]}
"""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf import json_format
from sklearn.inspection import permutation_importance

from fp_flights import data, evaluate, job, profile, training

# Importance is an estimate; this many flights give it two digits in half a second.
IMPORTANCE_SAMPLE = 3_000


def main() -> None:
    task = job.from_environment()
    flights = data.load().months(*task.config["months"])
    flights = flights.where(~flights.held_out())
    print(f"fitting on {len(flights)} flights", flush=True)
    model = training.train(flights)
    artifact = training.to_onnx(model)
    scores = evaluate.scores(artifact, flights.features)
    metrics = evaluate.metrics(flights.late, scores)
    task.write("model.onnx", artifact)
    task.write("profile.json", _profile(flights, scores, model, metrics))
    task.finish({"metrics": metrics, "samples": len(flights)})
    print(f"AUC on the training flights {metrics['auc']:.3f}", flush=True)


def _profile(flights: data.Flights, scores: npt.NDArray[np.float64], model: Any, metrics: dict[str, float]) -> bytes:
    sample = slice(None, None, max(1, len(flights) // IMPORTANCE_SAMPLE))
    drop = permutation_importance(
        model, flights.features[sample], flights.late[sample], scoring="roc_auc", n_repeats=2, random_state=0
    ).importances_mean.clip(min=0)
    baseline = profile.baseline(flights, scores, drop / max(drop.sum(), 1e-12), metrics)
    document = {
        "signature": json_format.MessageToDict(profile.signature()),
        "baselineProfile": json_format.MessageToDict(baseline),
    }
    return json.dumps(document).encode()


if __name__ == "__main__":
    main()
