"""The job reads the newest predictions page by page and says what it measured."""

from datetime import UTC, datetime
from struct import pack
from types import SimpleNamespace

import pytest
from forgepoint.common.v1.model_pb2 import TENSOR_TYPE_FLOAT32
from forgepoint.monitor.v1 import prediction_log_pb2 as log
from forgepoint.registry.v1 import registry_pb2 as registry
from fp_jobs import backtest_job, job
from fp_jobs.backtests import Report
from fp_kernel import FailedPrecondition, new_id
from fp_kernel.ensembles import Source, Step, ordered, write

SHA = "sha256:" + "ab" * 32


class Log:
    """Has so many predictions, a page of at most 100 at a time."""

    def __init__(self, number):
        self.asked, self._number = [], number

    async def ListPredictions(self, request):
        self.asked.append(request.pagination.page_size)
        first = int(request.pagination.page_token or 0)
        last = min(first + request.pagination.page_size, self._number)
        answer = log.ListPredictionsResponse(predictions=[record(place) for place in range(first, last)])
        answer.pagination.next_page_token = str(last) if last < self._number else ""
        return answer


def record(number):
    found = log.PredictionRecord(version="1")
    found.prediction.inputs.add(name="x", type=TENSOR_TYPE_FLOAT32, shape=[1, 1], data=pack("<f", number))
    return found


@pytest.mark.parametrize(("limit", "found", "pages"), [(250, 250, [100, 100, 50]), (1_000, 310, [100, 100, 100, 100])])
async def test_the_newest_are_read_up_to_the_limit(limit, found, pages):
    stub = Log(310)
    asked = [each async for each in backtest_job.predictions(stub, log.ListPredictionsRequest(model_name="m"), limit)]
    assert len(asked) == found
    assert stub.asked == pages


class Registry:
    def __init__(self):
        self.asked = []

    async def GetModel(self, request):
        self.asked.append(request)
        return registry.GetModelResponse(model=registry.Model(id="m", name="delays"))

    async def GetVersion(self, request):
        self.asked.append(request)
        return registry.GetVersionResponse(version=registry.ModelVersion(id="v", version=request.version))

    async def GetDownloadURL(self, request):
        return registry.GetDownloadURLResponse(download_url="http://store/v", artifact_digest=SHA)


@pytest.mark.parametrize(
    ("given", "asked"),
    [({"model": "delays", "version": "3"}, {"name": "delays"}), ({"model_id": "m", "version": "3"}, {"id": "m"})],
)
async def test_the_version_is_that_of_the_execution(given, asked):
    stub = Registry()
    name, version = await backtest_job.version_of(stub, given)
    assert (name, version.version) == ("delays", "3")
    assert stub.asked[0] == registry.GetModelRequest(**asked)
    assert stub.asked[1] == registry.GetVersionRequest(model_id="m", version="3")


async def test_an_artifact_that_is_not_what_the_registry_measured_is_not_asked(monkeypatch):
    monkeypatch.setattr(job, "download", lambda _: b"something else")
    with pytest.raises(FailedPrecondition, match="digest"):
        await backtest_job.artifact(Registry(), "v")


async def test_an_ensemble_is_fetched_with_all_that_it_is_made_of(monkeypatch):
    member, fetched = new_id(), []
    document = write(ordered([Step("only", member, SHA, {"x": Source("", "x")})], {"y": Source("only", "y")}))

    async def artifact(_, version_id):
        fetched.append(version_id)
        return document if version_id == "v" else b"a model"

    monkeypatch.setattr(backtest_job, "artifact", artifact)
    with pytest.raises(FailedPrecondition, match=f"version {member} is sha256:"):
        await backtest_job.run_of(Registry(), "v")
    assert fetched == ["v", member]


def test_what_it_says_is_what_the_pipeline_reads():
    report = Report(predictions=9, failed=1, failure="why", labelled=7, then={"auc": 0.7}, now={"auc": 0.6})
    at = datetime(2013, 3, 1, tzinfo=UTC)
    found = backtest_job.outcome(report, model_name="m", version="3", since=at, until=at, answered={"1": 10})
    assert (found["metrics"], found["incumbent_metrics"]) == ({"auc": 0.6}, {"auc": 0.7})
    said = SimpleNamespace(**found["backtest"])
    assert (said.predictions, said.failed, said.failure, said.labelled) == (9, 1, "why", 7)
    assert (said.answered_by, said.since) == ({"1": 10}, "2013-03-01T00:00:00+00:00")
