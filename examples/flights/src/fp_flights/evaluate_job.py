"""EVALUATE: score the held-out weeks of the same months with the trained artifact.

    config: {"module": "fp_flights.evaluate_job", "months": [1, 2], "model": "train/model.onnx",
             "minimum": {"auc": 0.6}}

The pipeline compares the metrics with `minimum`; the job only measures.
"""

from fp_flights import data, evaluate, job


def main() -> None:
    task = job.from_environment()
    flights = data.load().months(*task.config["months"])
    flights = flights.where(flights.held_out())
    scores = evaluate.scores(task.read(task.config["model"]), flights.features)
    metrics = evaluate.metrics(flights.late, scores)
    task.finish({"metrics": metrics, "samples": len(flights)})
    print(f"AUC on {len(flights)} held-out flights {metrics['auc']:.3f}", flush=True)


if __name__ == "__main__":
    main()
