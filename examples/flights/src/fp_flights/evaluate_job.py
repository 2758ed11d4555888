"""EVALUATE: score the held-out flights with the trained artifact, and with that of the incumbent.

config: {"module": "fp_flights.evaluate_job", "model": "train/model.onnx", "served": "flight-delay"}, what TRAIN has of
`learn_days` and `judge_days`, and what the pipeline compares. Input of the execution: see `lesson`.

The pipeline decides; the job only measures, both models on the same flights.
"""

import asyncio
from typing import Any

from forgepoint.featurestore.v1.featurestore_pb2_grpc import FeatureStoreServiceStub
from forgepoint.registry.v1.registry_pb2_grpc import RegistryServiceStub
from fp_jobs import job

from fp_flights import evaluate, incumbent, lesson, training_set


def main() -> None:
    asyncio.run(judge(job.from_environment()))


async def judge(task: job.Job) -> None:
    plan = lesson.of(task.execution_input, task.config)
    async with job.platform() as channel:
        read = await training_set.read(FeatureStoreServiceStub(channel), plan.judging())
        served = await incumbent.fetch(RegistryServiceStub(channel), task.config["served"])
    _, unseen = plan.split(read.flights)
    metrics = evaluate.metrics(unseen.late, evaluate.scores(task.read(task.config["model"]), unseen.features))
    result: dict[str, Any] = {"metrics": metrics, "incumbent_metrics": None, "incumbent": "", "samples": len(unseen)}
    if served is not None:
        scores = evaluate.scores(served.artifact, unseen.features)
        result |= {"incumbent_metrics": evaluate.metrics(unseen.late, scores), "incumbent": served.version}
    task.finish(result)
    print(f"on {len(unseen)} flights that it has not seen: {result}", flush=True)


if __name__ == "__main__":
    main()
