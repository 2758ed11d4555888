"""TRAIN: fit on flights from the feature store, and put the model with its profile.

config: {"module": "fp_flights.train_job", "outputs": ["model.onnx", "profile.json"]}, and for a retraining `learn_days`
and `judge_days`. Input of the execution: see `lesson`.

The metrics are those on flights that were held out: a monitor compares the traffic with them, and what a model promises
on the flights that it learned by heart no week can keep.
"""

import asyncio
import json
from typing import Any

import numpy as np
import numpy.typing as npt
from forgepoint.featurestore.v1.featurestore_pb2_grpc import FeatureStoreServiceStub
from google.protobuf import json_format
from sklearn.inspection import permutation_importance

from fp_flights import data, evaluate, job, lesson, profile, training, training_set

# Importance is an estimate; this many flights give it two digits in half a second.
IMPORTANCE_SAMPLE = 3_000


def main() -> None:
    asyncio.run(train(job.from_environment()))


async def train(task: job.Job) -> None:
    plan = lesson.of(task.execution_input, task.config)
    async with job.platform() as channel:
        read = await training_set.read(FeatureStoreServiceStub(channel), plan.window)
    known, unseen = plan.split(read.flights)
    print(f"fitting on {len(known)} flights of {plan.window.start} to {plan.window.as_of}", flush=True)
    model = training.train(known)
    artifact = training.to_onnx(model)
    metrics = evaluate.metrics(unseen.late, evaluate.scores(artifact, unseen.features))
    task.write("model.onnx", artifact)
    task.write("profile.json", _profile(known, evaluate.scores(artifact, known.features), model, metrics))
    task.finish(
        {
            "metrics": metrics,
            "samples": len(known),
            "inputs": plan.window.inputs(),
            "training_set": read.facts(),
        }
    )
    print(f"AUC on {len(unseen)} held-out flights {metrics['auc']:.3f}", flush=True)


def _profile(known: data.Flights, scores: npt.NDArray[np.float64], model: Any, metrics: dict[str, float]) -> bytes:
    sample = slice(None, None, max(1, len(known) // IMPORTANCE_SAMPLE))
    drop = permutation_importance(
        model, known.features[sample], known.late[sample], scoring="roc_auc", n_repeats=2, random_state=0
    ).importances_mean.clip(min=0)
    baseline = profile.baseline(known, scores, drop / max(drop.sum(), 1e-12), metrics)
    document = {
        "signature": json_format.MessageToDict(profile.signature()),
        "baselineProfile": json_format.MessageToDict(baseline),
    }
    return json.dumps(document).encode()


if __name__ == "__main__":
    main()
