"""The jobs of the pipelines, with a feature store that runs."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from forgepoint.experiment.v1 import experiment_pb2
from fp_flights import (
    evaluate,
    evaluate_job,
    incumbent,
    lesson,
    pipelines,
    tracking,
    train_job,
    training,
    training_set,
)
from fp_flights.incumbent import Incumbent
from fp_jobs import job
from threadpoolctl import threadpool_limits

pytestmark = pytest.mark.filterwarnings("ignore:Field onnx.AttributeProto.ints:DeprecationWarning")

FIRST = pipelines.first_input(as_of="2013-03-01T00:00:00Z", window_start="2013-01-01T00:00:00Z")
RETRAIN = {"newest_labelled_at": "2013-02-28T20:00:00+00:00", "window_start": "2013-02-21T00:00:00+00:00"}

SMALL = training.TrainingPolicy(iterations=10)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As the pipeline starts a job: with more threads than free cores they wait for each other most of the time."""
    with threadpool_limits(1):
        yield


@dataclass(frozen=True, slots=True)
class StoringJob(job.Job):
    """Keeps what it would put."""

    stored: dict[str, Any] = field(default_factory=dict)

    def read(self, name: str) -> bytes:
        return self.stored[name.rpartition("/")[2]]

    def write(self, name: str, content: bytes) -> None:
        self.stored[name] = content

    def finish(self, result: Any) -> None:
        self.stored["result"] = json.loads(json.dumps(result))


def task(pipeline, step, given, stored):
    config = next(each["config"] for each in pipeline["steps"] if each["id"] == step)
    return StoringJob("e", step, config, given, {}, {}, "", stored=stored)


async def trained(pipeline, given):
    stored: dict[str, Any] = {}
    await train_job.train(task(pipeline, "train", given, stored))
    return stored


@pytest.fixture
def serving(monkeypatch):
    """Says which artifact is in production."""

    def serve(found):
        async def fetch(_registry, model):
            assert model == pipelines.MODEL
            return found

        monkeypatch.setattr(incumbent, "fetch", fetch)

    return serve


@pytest.mark.usefixtures("views", "as_job")
async def test_training_promises_what_it_reached_on_flights_that_it_had_not_seen(session, experiments):
    stored = await trained(pipelines.training(await tracking.experiment(experiments.maker)), FIRST)

    plan = lesson.of(FIRST, {})
    read = await training_set.read(session.features, plan.window)
    known, unseen = plan.split(read.flights)
    result, profile = stored["result"], json.loads(stored["profile.json"])
    expected = evaluate.metrics(unseen.late, evaluate.scores(stored["model.onnx"], unseen.features))
    learned = evaluate.metrics(known.late, evaluate.scores(stored["model.onnx"], known.features))
    assert result["metrics"] == pytest.approx(expected)
    assert profile["baselineProfile"]["metrics"] == pytest.approx(expected)
    assert learned["auc"] > expected["auc"]
    assert result["samples"] == len(known) == int(profile["baselineProfile"]["sampleCount"])
    assert result["training_set"] == read.facts()
    run = (await experiments.reader.GetRun(experiment_pb2.GetRunRequest(id=result["run_id"]))).run
    assert run.status == experiment_pb2.RUN_STATUS_FINISHED
    assert {each.key: each.value for each in run.final_metrics} == pytest.approx(expected)
    assert {each.step for each in run.final_metrics} == {training.TrainingPolicy().iterations}
    params = {each.key: each.value for each in run.params}
    assert params["training_set.sha256"] == read.sha256
    assert (params["iterations"], params["execution_id"]) == (str(training.TrainingPolicy().iterations), "e")
    moment = {"as_of": FIRST["as_of"], "known_as_of": FIRST["as_of"]}
    assert result["inputs"] == [{"view": "flights", **moment}, {"view": "flight_outcomes", **moment}]


@pytest.mark.usefixtures("views", "as_job")
async def test_challenger_and_incumbent_are_measured_on_the_same_newest_flights(session, winter, serving):
    retraining = pipelines.retraining("saga", "experiment")
    landed = winter.with_outcome()
    old, new = (training.to_onnx(training.train(landed.where(some), SMALL)) for some in (slice(400), slice(400, None)))
    serving(Incumbent("7", old))
    stored = {"model.onnx": new}

    await evaluate_job.judge(task(retraining, "evaluate", RETRAIN, stored))

    window = lesson.of(RETRAIN, {"learn_days": pipelines.LEARN_DAYS, "judge_days": pipelines.JUDGE_DAYS}).window
    read = (await training_set.read(session.features, window)).flights
    newest = read.where(read.scheduled >= np.datetime64("2013-02-14T20:00", "s"))
    result = stored["result"]
    assert result["samples"] == len(newest)
    assert result["incumbent"] == "7"
    for name, artifact in (("metrics", new), ("incumbent_metrics", old)):
        assert result[name] == pytest.approx(evaluate.metrics(newest.late, evaluate.scores(artifact, newest.features)))


@pytest.mark.usefixtures("views", "as_job")
async def test_without_an_incumbent_the_job_says_so(winter, serving):
    stored = {"model.onnx": training.to_onnx(training.train(winter.with_outcome().first(400), SMALL))}
    serving(None)

    await evaluate_job.judge(task(pipelines.training("experiment"), "evaluate", FIRST, stored))

    assert stored["result"]["incumbent_metrics"] is None
