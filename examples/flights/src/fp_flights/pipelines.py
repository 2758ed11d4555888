"""The pipelines of the story as data, in the JSON that `fp pipelines apply` takes."""

from typing import Any, Final

MODEL: Final = "flight-delay"
TRAINING: Final = "flight-delay-training"
RETRAINING: Final = "flight-delay-retraining"
DEPLOYMENT: Final = "deploy-model"
CANARY_DEPLOYMENT: Final = "deploy-behind-canary"

# A coin has AUC 0.5; below 0.6 the ranking is of no use to a traveller and a first version is not worth registering.
MINIMUM_AUC: Final = 0.6

# Two months, as long as the first version learned from: its size of data, and no season that has passed.
LEARN_DAYS: Final = 61
# The newest weeks judge. One is a single spell of weather; with three the model would begin three weeks old.
JUDGE_DAYS: Final = 14

# So many answers without any error leave an error rate above 1.5 % a chance of 5 %.
CANARY_SAMPLES: Final = 200


def first_input(as_of: str, window_start: str) -> dict[str, str]:
    """Input of the first training. Both ISO 8601 with zone: it learns from flights in between, as known at `as_of`."""
    return {"as_of": as_of, "window_start": window_start}


def training(experiment_id: str) -> dict[str, Any]:
    """The first version, triggered with `first_input`, as a run of this experiment. No incumbent: it must be of use."""
    return {
        "name": TRAINING,
        "type": "PIPELINE_TYPE_TRAINING_DAG",
        "steps": _learn({"experiment_id": experiment_id}, {"minimum": {"auc": MINIMUM_AUC}}),
    }


def retraining(then_pipeline_id: str, experiment_id: str) -> dict[str, Any]:
    """What a monitor starts when performance is lost, with its `retrain_context`; a winner is deployed by the other.

    AUC decides. How many flights were late in the newest weeks depends on their weather, which neither model could
    know, and that moves log-loss more than the models differ. No margin: neither model has seen the flights that judge,
    so chance favours none of them.
    """
    days = {"learn_days": LEARN_DAYS, "judge_days": JUDGE_DAYS}
    return {
        "name": RETRAINING,
        "type": "PIPELINE_TYPE_TRAINING_DAG",
        "steps": _learn(
            {**days, "experiment_id": experiment_id}, {**days, "incumbent": True, "metric": "auc", "margin": 0}
        ),
        "thenPipelineId": then_pipeline_id,
    }


def deployment() -> dict[str, Any]:
    """For a model that nobody calls yet."""
    return {"name": DEPLOYMENT, "type": "PIPELINE_TYPE_DEPLOYMENT_SAGA", "steps": [_VALIDATE, _DEPLOY, _PROMOTE]}


def canary_deployment(min_samples: int = CANARY_SAMPLES) -> dict[str, Any]:
    """For a model under traffic: a tenth of it, until `min_samples` answers show that the version works."""
    limits = {
        "weight_bps": 1_000,
        "min_seconds": 3,
        "min_samples": min_samples,
        "max_error_rate": 0.01,
        "timeout_seconds": 240,
        "on_no_traffic": "fail",
    }
    watch = _step("canary", "Watch a tenth of the traffic", "CANARY", timeout="300s", retries=3, config=limits)
    return {
        "name": CANARY_DEPLOYMENT,
        "type": "PIPELINE_TYPE_DEPLOYMENT_SAGA",
        "steps": [_VALIDATE, _DEPLOY, watch, _PROMOTE],
    }


def _step(identifier: str, name: str, kind: str, *, timeout: str, retries: int, **more: Any) -> dict[str, Any]:
    return {
        "id": identifier,
        "name": name,
        "type": f"STEP_TYPE_{kind}",
        "timeout": timeout,
        "maxRetries": retries,
        **more,
    }


_VALIDATE: Final = _step("validate", "Check the version", "VALIDATE", timeout="60s", retries=3)
_DEPLOY: Final = _step("deploy", "Start a runtime", "DEPLOY", timeout="120s", retries=3)
_PROMOTE: Final = _step("promote", "Give it the traffic", "PROMOTE", timeout="60s", retries=5)


def _learn(train: dict[str, Any], evaluate: dict[str, Any]) -> list[dict[str, Any]]:
    """Fit, measure, register. train, evaluate: what the two jobs' configs have beyond the common."""
    fit = {"module": "fp_flights.train_job", "outputs": ["model.onnx", "profile.json"], **train}
    score = {"module": "fp_flights.evaluate_job", "model": "train/model.onnx", "served": MODEL, **evaluate}
    register = {
        "model": MODEL,
        "task_type": "classification",
        "framework": "onnx",
        "artifact": "train/model.onnx",
        "profile": "train/profile.json",
        "metrics": "evaluate",
    }
    return [
        _step("train", "Fit the model", "TRAIN", timeout="300s", retries=2, config=fit),
        _step(
            "evaluate",
            "Score flights that it has not seen",
            "EVALUATE",
            timeout="300s",
            retries=2,
            config=score,
            dependsOn=["train"],
        ),
        _step(
            "register",
            "Register the version",
            "REGISTER",
            timeout="120s",
            retries=3,
            config=register,
            dependsOn=["evaluate"],
        ),
    ]
