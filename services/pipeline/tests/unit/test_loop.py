"""What closes the loop: drift retrains, a better version is deployed, a worse one refused, an archived model ends."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from forgepoint.events.v1 import events_pb2
from fp_events import Event, Poison
from fp_kernel import InvalidArgument, NotFound, new_id
from fp_pipeline.api.consumers import count, follow
from fp_pipeline.app.count_requests import CountRequests
from fp_pipeline.app.retrain import Retrain
from fp_pipeline.app.undeploy_archived import UndeployArchived
from fp_pipeline.domain.definition import PipelineDraft, PipelineType, StepType
from fp_pipeline.domain.execution import ExecutionStatus

SUBJECTS = {
    events_pb2.ModelDriftDetected: "fp.models.drift.detected",
    events_pb2.ModelArchived: "fp.models.archived",
    events_pb2.InferenceCompleted: "fp.inference.completed",
    events_pb2.InferenceFailed: "fp.inference.failed",
}


def event(payload: Any, team: str = "alpha") -> Event:
    return Event(SUBJECTS[type(payload)], payload, team=team, resource_id="m", summary="s", correlation_id="c-1")


def drift(pipeline_id: str, report_id: str = "r-1", **changes: Any) -> Event:
    fields = {"auto_retrain": True, "severity": events_pb2.DRIFT_SEVERITY_CRITICAL} | changes
    payload = events_pb2.ModelDriftDetected(report_id=report_id, retrain_pipeline_id=pipeline_id, **fields)
    payload.retrain_context.update({"model": "delays", "newest_labelled_at": "2013-03-01T00:00:00+00:00", "days": 60})
    return event(payload)


@pytest.fixture
def handle(service):
    transactions, clock = service.stores.transactions, service.clock
    return follow(Retrain(transactions, clock), UndeployArchived(transactions, clock, drain=0.0))


async def executions(service):
    return sorted(service.stores.state.executions.values(), key=lambda each: each.id)


async def chained(service, *, name: str = "train"):
    deployment = await service.pipeline(PipelineType.DEPLOYMENT_SAGA, *service.saga, name=f"{name} deploys")
    draft = PipelineDraft(name, PipelineType.TRAINING_DAG, service.training, deployment.id)
    return await service.do.create_pipeline(service.ann, draft, service.command()), deployment


async def test_a_report_retrains_once_with_its_context(service, handle):
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, *service.training)
    reported = drift(pipeline.id)
    for each in (reported, reported, drift(pipeline.id)):
        await handle(each)
    (execution,) = await executions(service)
    assert execution.input == {
        "model": "delays",
        "newest_labelled_at": "2013-03-01T00:00:00+00:00",
        "days": 60,
        "report_id": "r-1",
    }
    assert execution.cause.triggered_by == "drift-report:r-1"
    assert (execution.cause.event_id, execution.cause.correlation_id) == (reported.id, "c-1")
    await handle(drift(pipeline.id, "r-2"))
    assert len(await executions(service)) == 2


@pytest.mark.parametrize(
    "changes", [{"auto_retrain": False}, {"severity": events_pb2.DRIFT_SEVERITY_WARNING}, {"retrain_pipeline_id": ""}]
)
async def test_a_report_that_informs_starts_nothing(service, handle, changes):
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, *service.training)
    reported = drift(pipeline.id)
    for name, value in changes.items():
        setattr(reported.payload, name, value)
    await handle(reported)
    assert await executions(service) == []


async def test_a_retraining_that_could_not_begin_may_be_told_again(service, handle, monkeypatch):
    with pytest.raises(NotFound):
        await handle(drift(new_id()))
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, *service.training)
    add = service.stores.execution_store.add

    async def broken(_execution):
        raise OSError("the connection broke")

    monkeypatch.setattr(service.stores.execution_store, "add", broken)
    with pytest.raises(OSError, match="broke"):
        await handle(drift(pipeline.id))
    monkeypatch.setattr(service.stores.execution_store, "add", add)
    await handle(drift(pipeline.id))
    assert len(await executions(service)) == 1


async def test_a_report_without_a_name_is_poison(service, handle):
    with pytest.raises(Poison):
        await handle(drift(new_id(), ""))


async def test_another_teams_pipeline_is_not_there_for_a_report(service, handle):
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, *service.training)
    reported = drift(pipeline.id)
    with pytest.raises(NotFound):
        await handle(Event(reported.type, reported.payload, team="beta", resource_id="m", summary="s"))


async def test_a_registered_version_is_deployed_by_the_pipeline_that_follows(service):
    training, deployment = await chained(service)
    first = await service.trigger(training)
    async with service.working():
        assert (await service.ended(first.id)).status is ExecutionStatus.COMPLETED
        (following,) = [each for each in await executions(service) if each.pipeline_id == deployment.id]
        ended = await service.ended(following.id)
    assert ended.status is ExecutionStatus.COMPLETED, ended.error
    assert ended.input == {"model": "delays", "version": "1"}
    assert ended.cause.triggered_by == f"execution:{first.id}"
    assert service.live == {"1": 10_000}
    assert len(await executions(service)) == 2


async def test_a_training_that_failed_deploys_nothing(service):
    training, _ = await chained(service)
    service.jobs.results = {"evaluate": {"metrics": {"auc": 0.5}}}
    first = await service.trigger(training)
    async with service.working():
        assert (await service.ended(first.id)).status is ExecutionStatus.FAILED
    assert [each.id for each in await executions(service)] == [first.id]


async def test_only_a_saga_of_the_team_may_follow(service):
    training, _ = await chained(service)
    for following in (new_id(), training.id):
        draft = PipelineDraft("other", PipelineType.TRAINING_DAG, service.training, following)
        with pytest.raises(InvalidArgument, match="then_pipeline_id"):
            await service.do.create_pipeline(service.ann, draft, service.command())


CONTEST = {"incumbent": True, "metric": "auc", "margin": 0.01}


@pytest.mark.parametrize(
    ("result", "config", "refusal"),
    [
        ({"metrics": {"auc": 0.72}, "incumbent_metrics": {"auc": 0.70}}, {}, ""),
        ({"metrics": {"auc": 0.72}, "incumbent_metrics": None}, {}, ""),
        (
            {"metrics": {"loss": 0.4}, "incumbent_metrics": {"loss": 0.5}},
            {"metric": "loss", "lower_is_better": True},
            "",
        ),
        (
            {"metrics": {"auc": 0.705}, "incumbent_metrics": {"auc": 0.70}},
            {},
            "auc is 0.705 against 0.7 of the incumbent, a gain of 0.005 where more than 0 and at least 0.01 is demanded",  # noqa: E501
        ),
        (
            {"metrics": {"auc": 0.7}, "incumbent_metrics": {"auc": 0.7}},
            {"margin": 0},
            "auc is 0.7 against 0.7 of the incumbent, a gain of 0 where more than 0 and at least 0 is demanded",
        ),
        ({"metrics": {"auc": 0.72}}, {}, "the job did not measure the incumbent"),
        ({"metrics": {"auc": 0.72}, "incumbent_metrics": {"f1": 1}}, {}, "the job did not measure auc of both models"),
    ],
)
async def test_a_challenger_must_beat_the_incumbent(service, result, config, refusal):
    service.jobs.results = {"evaluate": result}
    evaluate = service.step("evaluate", StepType.EVALUATE, "train", config={**CONTEST, **config}, max_retries=3)
    train, _, register = service.training
    ended = await service.run(PipelineType.TRAINING_DAG, train, evaluate, register)
    if not refusal:
        assert ended.status is ExecutionStatus.COMPLETED, ended.error
        return
    assert ended.status is ExecutionStatus.FAILED
    assert ended.error == f"step 'evaluate': CHALLENGER_REFUSED: {refusal}"
    assert ended.step("evaluate").attempt == 1
    assert ended.step("evaluate").output == result, "both measurements stay to be seen"
    assert service.world["versions"] == {}


async def test_an_archived_model_serves_no_more(service, handle):
    service.world.add_version("delays", "1")
    await service.deploy("1")
    other = events_pb2.ModelArchived(model_id="model-older", model_name="delays", archived_by="ann")
    await handle(event(other))
    assert service.live == {"1": 10_000}, "a model of this name that is long gone"
    model = events_pb2.ModelArchived(model_id="model-delays", model_name="delays", archived_by="ann")
    model.archived_at.FromDatetime(service.clock.now())
    archived = event(model)
    await handle(archived)
    await handle(archived)
    assert service.live == {}
    ended = [each for each in service.stores.events if each.type == "fp.pipelines.model.undeployed"]
    assert [(each.payload.reason, each.actor) for each in ended] == [("archived", "ann")]
    await service.reconciler.once()
    assert service.world["runtimes"] == {}


async def test_only_requests_that_reached_a_version_are_counted(service):
    handler = count(CountRequests(service.stores.transactions, "pipeline-canary"))
    at = datetime(2013, 3, 1, 12, 30, 30, tzinfo=UTC)
    done = events_pb2.InferenceCompleted(model_name="delays", version="1", latency_ms=12)
    done.completed_at.FromDatetime(at)
    failed = events_pb2.InferenceFailed(
        model_name="delays", version="1", reason=events_pb2.INFERENCE_FAILURE_REASON_TIMEOUT
    )
    failed.failed_at.FromDatetime(at)
    lost = events_pb2.InferenceFailed(model_name="delays", reason=events_pb2.INFERENCE_FAILURE_REASON_NO_ROUTE)
    batch = [event(each) for each in (done, done, failed, lost)]
    await handler(batch)
    await handler(batch)
    counted = (await service.stores.statistics.since("alpha", "delays", at))["1"]
    assert (counted.answered, counted.errors) == (2, 1)
    assert await service.stores.statistics.since("beta", "delays", at) == {}


async def test_an_archive_that_is_told_late_leaves_what_was_deployed_after_it(service, handle):
    service.world.add_version("delays", "1")
    await service.deploy("1")
    (deployed,) = service.stores.state.deployments.values()
    archived = events_pb2.ModelArchived(model_id="model-delays", model_name="delays", archived_by="ann")
    archived.archived_at.FromDatetime(deployed.deployed_at - timedelta(seconds=1))
    await handle(event(archived))
    assert service.live == {"1": 10_000}
    archived.archived_at.FromDatetime(deployed.deployed_at + timedelta(seconds=1))
    await handle(event(archived))
    assert service.live == {}
