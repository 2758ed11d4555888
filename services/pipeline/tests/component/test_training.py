"""A training graph with real jobs' files in a real object store."""

import json
import urllib.request
from typing import Any

from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from fp_testkit.patience import PATIENCE

TRAINING: dict[str, Any] = {
    "name": "training",
    "type": "PIPELINE_TYPE_TRAINING_DAG",
    "steps": [
        {
            "id": "train",
            "type": "STEP_TYPE_TRAIN",
            "config": {"module": "work.train", "outputs": ["model.onnx", "profile.json"], "months": [1, 2]},
        },
        {
            "id": "evaluate",
            "type": "STEP_TYPE_EVALUATE",
            "dependsOn": ["train"],
            "config": {"module": "work.evaluate", "minimum": {"auc": 0.6}},
        },
        {"id": "register", "type": "STEP_TYPE_REGISTER", "dependsOn": ["evaluate"], "config": {"model": "delays"}},
    ],
}
PROFILE = {
    "signature": {"inputs": [{"name": "features", "type": "TENSOR_TYPE_FLOAT32", "shape": ["-1", "4"]}]},
    "baselineProfile": {"sampleCount": "2", "metrics": {"train_auc": 0.9}},
}


def put(url: str, content: bytes) -> None:
    request = urllib.request.Request(url, data=content, method="PUT")  # noqa: S310 -- presigned by the pipeline
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310
        response.read()


def train(spec: dict[str, Any]) -> list[str]:
    put(spec["outputs"]["model.onnx"], b"weights" * 100_000)
    put(spec["outputs"]["profile.json"], json.dumps(PROFILE).encode())
    put(spec["result_url"], json.dumps({"metrics": {}, "months": spec["config"]["months"]}).encode())
    return ["fitting", "done"]


def evaluate(spec: dict[str, Any]) -> list[str]:
    with urllib.request.urlopen(spec["inputs"]["train/model.onnx"], timeout=PATIENCE) as response:  # noqa: S310
        size = len(response.read())
    put(spec["result_url"], json.dumps({"metrics": {"auc": 0.7}, "size": size}).encode())
    return []


async def test_a_model_is_trained_evaluated_and_registered(replica, client, peers, issuer):
    peers.supervisor.jobs = {"work.train": train, "work.evaluate": evaluate}
    engineer = client((await replica()).grpc_address)
    pipeline = await engineer.create(TRAINING)
    ended = await engineer.ended((await engineer.trigger(pipeline.id)).id)
    assert ended.status == pb.EXECUTION_STATUS_COMPLETED, ended.error
    outputs = {step.step_id: dict(step.output) for step in ended.step_executions}
    assert list(outputs["train"]["months"]) == [1, 2]
    assert outputs["evaluate"]["size"] == 700_000
    assert outputs["register"]["version"] == "1"
    version = peers.world["versions"]["delays-1"]
    assert version["metrics"] == {"auc": 0.7}
    assert json.loads(version["profile"])["metrics"] == {"train_auc": 0.9, "auc": 0.7}
    assert len(peers.world["objects"]["uploads/delays-1"]) == 700_000
    environment = peers.supervisor.environments[next(iter(peers.supervisor.environments))]
    claims = await issuer.identity.resolver().resolve(environment["FP_JOB_TOKEN"])
    assert (claims.team, claims.role, claims.execution_id) == ("alpha", "job", ended.id)
    assert set(environment) == {"FP_JOB_SPEC", "FP_JOB_TOKEN", "OMP_NUM_THREADS"}
    stream = engineer.stub.StreamStepLogs(pb.StreamStepLogsRequest(execution_id=ended.id, step_id="train"))
    assert [(message.line, message.text) async for message in stream] == [(1, "fitting"), (2, "done")]


async def test_a_profile_that_is_none_is_refused_by_name(replica, client, peers):
    def train_badly(spec: dict[str, Any]) -> list[str]:
        train(spec)
        put(spec["outputs"]["profile.json"], b'{"signatures": []}')
        return []

    peers.supervisor.jobs = {"work.train": train_badly, "work.evaluate": evaluate}
    engineer = client((await replica()).grpc_address)
    pipeline = await engineer.create(TRAINING)
    ended = await engineer.ended((await engineer.trigger(pipeline.id)).id)
    assert ended.status == pb.EXECUTION_STATUS_FAILED
    assert ended.error.startswith("step 'register': profile.json: is no signature with a baseline profile")
    assert peers.world["versions"] == {}
