"""The closed loop over a real bus, with two replicas: every effect once."""

import asyncio
from typing import Any

from forgepoint.events.v1 import events_pb2
from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from fp_events import Event
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import real_now

SAGA: dict[str, Any] = {
    "name": "deploy-model",
    "type": "PIPELINE_TYPE_DEPLOYMENT_SAGA",
    "steps": [
        {"id": "deploy", "type": "STEP_TYPE_DEPLOY"},
        {
            "id": "canary",
            "type": "STEP_TYPE_CANARY",
            "config": {"min_seconds": 0, "min_samples": 30, "max_error_rate": 0.1, "timeout_seconds": 60},
        },
        {"id": "promote", "type": "STEP_TYPE_PROMOTE"},
    ],
}


def outcome(version: str, reason: str = "") -> Event:
    if reason:
        number = events_pb2.InferenceFailureReason.Value(f"INFERENCE_FAILURE_REASON_{reason}")
        failed = events_pb2.InferenceFailed(model_name="delays", version=version, reason=number)
        failed.failed_at.FromDatetime(real_now())
        return Event("fp.inference.failed", failed, team="alpha", resource_id="m", summary="s")
    done = events_pb2.InferenceCompleted(model_name="delays", version=version, latency_ms=10)
    done.completed_at.FromDatetime(real_now())
    return Event("fp.inference.completed", done, team="alpha", resource_id="m", summary="s")


async def until_canary(engineer: Any, execution_id: str, fact: str) -> None:
    """Until the canary's output has it."""
    async with asyncio.timeout(PATIENCE):
        async for seen in engineer.stub.WatchExecution(
            pb.WatchExecutionRequest(execution_id=execution_id, from_start=True)
        ):
            if seen.changed_step.step_id == "canary" and fact in seen.changed_step.output:
                return
    raise AssertionError(f"the canary has no {fact}")


async def second_version(engineer: Any, peers: Any) -> str:
    """Version 1 serves, version 2 has its share of the traffic; the execution."""
    for version in ("1", "2"):
        peers.world.add_version("delays", version)
    pipeline = await engineer.create(SAGA)
    first = await engineer.ended((await engineer.trigger(pipeline.id, model="delays", version="1")).id)
    assert first.status == pb.EXECUTION_STATUS_COMPLETED, first.error
    execution_id: str = (await engineer.trigger(pipeline.id, model="delays", version="2")).id
    await until_canary(engineer, execution_id, "since")
    return execution_id


async def test_two_replicas_count_each_request_once_and_the_canary_is_judged(replica, client, peers, bus):
    engineer = client((await replica()).grpc_address)
    await replica()
    execution_id = await second_version(engineer, peers)
    events = [*(outcome("2") for _ in range(29)), outcome("2", "TIMEOUT"), *(outcome("1") for _ in range(50))]
    await bus.publish(events)
    await bus.publish(events)
    ended = await engineer.ended(execution_id)
    assert ended.status == pb.EXECUTION_STATUS_COMPLETED, ended.error
    (canary,) = [step for step in ended.step_executions if step.step_id == "canary"]
    assert (canary.output["requests"], canary.output["errors"], canary.output["judged"]) == (30, 1, True)
    assert peers.world.production("delays") == "delays-2"


async def test_a_version_that_fails_is_taken_back(replica, client, peers, bus):
    engineer = client((await replica()).grpc_address)
    execution_id = await second_version(engineer, peers)
    await bus.publish([outcome("2", "UPSTREAM_ERROR") for _ in range(4)])
    ended = await engineer.ended(execution_id)
    assert ended.status == pb.EXECUTION_STATUS_FAILED
    assert ended.error == "step 'canary': 4 of 4 requests failed, more than 10.00% of 30"
    assert peers.world["splits"]["delays"] == {"1": 10_000, "2": 0}
    assert peers.world.production("delays") == "delays-1"


async def test_a_canary_is_counted_anew_behind_events_that_nobody_read(small_stream, replica, client, peers, bus):
    """While no replica runs, the stream drops the failures of the new version and keeps what went well."""
    first = await replica()
    execution_id = await second_version(client(first.grpc_address), peers)
    await first.stop()
    await bus.publish([outcome("2", "UPSTREAM_ERROR") for _ in range(50)])
    await bus.publish([outcome(version) for version in "12" for _ in range(150)])
    await small_stream.has_dropped(50)
    engineer = client((await replica()).grpc_address)
    await until_canary(engineer, execution_id, "gap")
    await bus.publish([outcome(version) for version in "12" for _ in range(30)])
    ended = await engineer.ended(execution_id)
    assert ended.status == pb.EXECUTION_STATUS_COMPLETED, ended.error
    (canary,) = [step for step in ended.step_executions if step.step_id == "canary"]
    assert "events were lost before they were counted" in canary.output["gap"]
    assert canary.output["reason"].endswith(canary.output["gap"])
    assert canary.output["since"] > canary.output["share_since"]


async def test_a_report_of_drift_retrains_once(replica, client, bus, eventually):
    engineer = client((await replica()).grpc_address)
    await replica()
    steps = [{"id": "train", "type": "STEP_TYPE_TRAIN", "config": {"module": "work.train"}}]
    pipeline = await engineer.create({"name": "training", "type": "PIPELINE_TYPE_TRAINING_DAG", "steps": steps})
    drift = events_pb2.ModelDriftDetected(
        model_name="delays",
        report_id="r-1",
        auto_retrain=True,
        retrain_pipeline_id=pipeline.id,
        severity=events_pb2.DRIFT_SEVERITY_CRITICAL,
    )
    drift.retrain_context.update({"newest_labelled_at": "2013-03-01T00:00:00+00:00"})
    reports = [Event("fp.models.drift.detected", drift, team="alpha", resource_id="m", summary="s") for _ in range(8)]
    await bus.publish(reports)
    await bus.publish(reports)
    found: list[Any] = []
    async with asyncio.timeout(PATIENCE):
        while not found:
            listed = await engineer.stub.ListExecutions(pb.ListExecutionsRequest())
            found = list(listed.executions)
            await asyncio.sleep(0.05)
    (execution,) = found
    assert execution.triggered_by == "drift-report:r-1"
    assert dict(execution.input) == {"newest_labelled_at": "2013-03-01T00:00:00+00:00", "report_id": "r-1"}
    (again,) = (await engineer.stub.ListExecutions(pb.ListExecutionsRequest())).executions
    assert again.id == execution.id


async def test_an_archived_model_loses_its_runtimes(replica, client, peers, bus, eventually):
    engineer = client((await replica()).grpc_address)
    peers.world.add_version("delays", "1")
    pipeline = await engineer.create(SAGA)
    ended = await engineer.ended((await engineer.trigger(pipeline.id, model="delays", version="1")).id)
    assert ended.status == pb.EXECUTION_STATUS_COMPLETED, ended.error
    archived = events_pb2.ModelArchived(model_id="model-delays", model_name="delays", archived_by="ann")
    await bus.publish([Event("fp.models.archived", archived, team="alpha", resource_id="m", summary="s")])
    await eventually(lambda: not peers.world["runtimes"])
