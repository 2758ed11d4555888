"""TRAIN: fit on flights from the feature store, and put the model with its profile.

config: {"module": "fp_flights.train_job", "outputs": ["model.onnx", "profile.json"]}, and for a retraining `learn_days`
and `judge_days`. Input of the execution: see `lesson`.

The metrics are those on flights that were held out: a monitor compares the traffic with them, and what a model promises
on the flights that it learned by heart no week can keep. The run in `tracking` has them too, and how the loss fell.
"""

import asyncio
import json
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from forgepoint.experiment.v1.experiment_pb2_grpc import ExperimentTrackerServiceStub
from forgepoint.featurestore.v1.featurestore_pb2_grpc import FeatureStoreServiceStub
from fp_jobs import job
from google.protobuf import json_format
from sklearn.inspection import permutation_importance

from fp_flights import evaluate, lesson, profile, tracking, training, training_set
from fp_flights.flights import Flights
from fp_flights.tracking import Tracked

# Importance is an estimate; this many flights give it two digits in half a second.
IMPORTANCE_SAMPLE = 3_000
POLICY = training.TrainingPolicy()


def main() -> None:
    asyncio.run(train(job.from_environment()))


async def train(task: job.Job) -> None:
    plan = lesson.of(task.execution_input, task.config)
    async with job.platform() as channel:
        experiments: Any = ExperimentTrackerServiceStub(channel)
        async with tracking.tracked(experiments, task, {"model": "HistGradientBoosting", **asdict(POLICY)}) as run:
            read = await training_set.read(FeatureStoreServiceStub(channel), plan.window)
            result = await _learn(task, plan, read, run)
    # Last: what has a result is done, and nobody would come back to end the run.
    task.finish(result)


async def _learn(task: job.Job, plan: lesson.Lesson, read: training_set.TrainingSet, run: Tracked) -> dict[str, Any]:
    """Puts the outputs; answers the result."""
    known, unseen = plan.split(read.flights)
    facts = {f"training_set.{name}": value for name, value in read.facts().items()}
    await run.params({**facts, "samples": len(known), "held_out": len(unseen)})
    print(f"fitting on {len(known)} flights of {plan.window.start} to {plan.window.as_of}", flush=True)
    model = training.train(known, POLICY)
    artifact = training.to_onnx(model)
    metrics = evaluate.metrics(unseen.late, evaluate.scores(artifact, unseen.features))
    await run.metrics(training.losses(model, unseen), metrics)
    task.write("model.onnx", artifact)
    task.write("profile.json", _profile(known, evaluate.scores(artifact, known.features), model, metrics))
    print(f"AUC on {len(unseen)} held-out flights {metrics['auc']:.3f}", flush=True)
    return {
        "metrics": metrics,
        "samples": len(known),
        "inputs": plan.window.inputs(),
        "training_set": read.facts(),
        "run_id": run.id,
    }


def _profile(known: Flights, scores: npt.NDArray[np.float64], model: Any, metrics: dict[str, float]) -> bytes:
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
