"""The two pipelines of the story as data, in the JSON that `fp pipelines apply` takes."""

from typing import Any

MODEL = "flight-delay"
# A coin has AUC 0.5; below 0.6 the ranking is of no use to a traveller and a version is not worth registering.
MINIMUM_AUC = 0.6


def training(months: tuple[int, ...]) -> dict[str, Any]:
    return {
        "name": "flight-delay-training",
        "type": "PIPELINE_TYPE_TRAINING_DAG",
        "steps": [
            {
                "id": "train",
                "name": "Fit the model",
                "type": "STEP_TYPE_TRAIN",
                "config": {
                    "module": "fp_flights.train_job",
                    "months": list(months),
                    "outputs": ["model.onnx", "profile.json"],
                },
                "timeout": "300s",
                "maxRetries": 2,
            },
            {
                "id": "evaluate",
                "name": "Score the held-out weeks",
                "type": "STEP_TYPE_EVALUATE",
                "dependsOn": ["train"],
                "config": {
                    "module": "fp_flights.evaluate_job",
                    "months": list(months),
                    "model": "train/model.onnx",
                    "minimum": {"auc": MINIMUM_AUC},
                },
                "timeout": "300s",
                "maxRetries": 2,
            },
            {
                "id": "register",
                "name": "Register the version",
                "type": "STEP_TYPE_REGISTER",
                "dependsOn": ["evaluate"],
                "config": {
                    "model": MODEL,
                    "task_type": "classification",
                    "framework": "onnx",
                    "artifact": "train/model.onnx",
                    "profile": "train/profile.json",
                    "metrics": "evaluate",
                },
                "timeout": "120s",
                "maxRetries": 3,
            },
        ],
    }


def deployment() -> dict[str, Any]:
    return {
        "name": "deploy-model",
        "type": "PIPELINE_TYPE_DEPLOYMENT_SAGA",
        "steps": [
            _step("validate", "Check the version", "STEP_TYPE_VALIDATE", timeout="60s", retries=3),
            _step("deploy", "Start a runtime", "STEP_TYPE_DEPLOY", timeout="120s", retries=3),
            _step("promote", "Give it the traffic", "STEP_TYPE_PROMOTE", timeout="60s", retries=5),
        ],
    }


def _step(identifier: str, name: str, kind: str, *, timeout: str, retries: int) -> dict[str, Any]:
    return {"id": identifier, "name": name, "type": kind, "timeout": timeout, "maxRetries": retries}
