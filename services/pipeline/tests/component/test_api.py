"""The API: what it refuses, what it repeats, what it hides."""

from typing import Any

import pytest
from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from forgepoint.pipeline.v1.pipeline_pb2_grpc import PipelineOrchestratorServiceStub
from fp_kernel import Aborted, AlreadyExists, InvalidArgument, NotFound, PermissionDenied
from fp_rpc import BearerToken, Channels
from fp_testkit.patience import PATIENCE
from google.protobuf import json_format

JOB = {"module": "work.it"}
GRAPH: dict[str, Any] = {
    "name": "graph",
    "type": "PIPELINE_TYPE_TRAINING_DAG",
    "steps": [
        {"id": "a", "type": "STEP_TYPE_CUSTOM", "config": JOB},
        {"id": "b", "type": "STEP_TYPE_CUSTOM", "config": JOB, "dependsOn": ["a"]},
    ],
}


def lasting(_: dict[str, Any]) -> list[str]:
    raise RuntimeError("no data")


async def test_a_pipeline_is_read_back_as_it_was_created(replica, client):
    engineer = client((await replica()).grpc_address)
    created = await engineer.create(GRAPH)
    found = (await engineer.stub.GetPipeline(pb.GetPipelineRequest(pipeline_id=created.id))).pipeline
    assert found == created
    assert (created.team, created.created_by) == ("alpha", "engineer-of-alpha")
    assert created.steps[1].depends_on == ["a"]
    listed = await engineer.stub.ListPipelines(pb.ListPipelinesRequest())
    assert list(listed.pipelines) == [created]


async def test_a_pipeline_is_found_by_its_name_in_its_team(replica, client):
    address = (await replica()).grpc_address
    engineer, stranger = client(address), client(address, team="beta")
    created = await engineer.create(GRAPH)
    named = pb.GetPipelineRequest(name=created.name)
    assert (await engineer.stub.GetPipeline(named)).pipeline == created
    with pytest.raises(NotFound):
        await stranger.stub.GetPipeline(named)
    with pytest.raises(InvalidArgument, match="not both"):
        await engineer.stub.GetPipeline(pb.GetPipelineRequest(name=created.name, pipeline_id=created.id))
    await engineer.stub.DeletePipeline(pb.DeletePipelineRequest(pipeline_id=created.id))
    with pytest.raises(NotFound):
        await engineer.stub.GetPipeline(named)


async def test_a_cycle_is_refused_with_its_field(replica, client):
    engineer = client((await replica()).grpc_address)
    steps = [
        {"id": name, "type": "STEP_TYPE_CUSTOM", "config": JOB, "dependsOn": [other]} for name, other in ("ab", "ba")
    ]
    with pytest.raises(InvalidArgument) as raised:
        await engineer.create(GRAPH, steps=steps)
    assert [violation.field for violation in raised.value.fields] == ["steps[0].depends_on"]


async def test_a_command_sent_twice_happens_once(replica, client):
    address = (await replica()).grpc_address
    engineer = client(address)
    first = await engineer.create(GRAPH, idempotencyKey="one")
    assert await engineer.create(GRAPH, idempotencyKey="one") == first
    with pytest.raises(InvalidArgument, match="idempotency_key"):
        await engineer.create(GRAPH, name="other", idempotencyKey="one")
    with pytest.raises(AlreadyExists):
        await engineer.create(GRAPH)
    triggered = await engineer.trigger(first.id, key="two")
    other = client((await replica()).grpc_address)
    assert (await other.trigger(first.id, key="two")).id == triggered.id


async def test_another_team_sees_nothing(replica, client):
    address = (await replica()).grpc_address
    engineer, stranger = client(address), client(address, team="beta")
    pipeline = await engineer.create(GRAPH)
    execution = await engineer.trigger(pipeline.id)
    with pytest.raises(NotFound):
        await stranger.stub.GetPipeline(pb.GetPipelineRequest(pipeline_id=pipeline.id))
    with pytest.raises(NotFound):
        await stranger.trigger(pipeline.id)
    with pytest.raises(NotFound):
        await stranger.get(execution.id)
    with pytest.raises(NotFound):
        await stranger.watch(execution.id)
    with pytest.raises(NotFound):
        await stranger.stub.CancelExecution(pb.CancelExecutionRequest(execution_id=execution.id))
    assert list((await stranger.stub.ListExecutions(pb.ListExecutionsRequest())).executions) == []


async def test_a_viewer_may_look_and_not_touch(replica, client):
    address = (await replica()).grpc_address
    pipeline = await client(address).create(GRAPH)
    viewer = client(address, role="viewer")
    assert (await viewer.stub.GetPipeline(pb.GetPipelineRequest(pipeline_id=pipeline.id))).pipeline == pipeline
    with pytest.raises(PermissionDenied):
        await viewer.create(GRAPH, name="mine")
    with pytest.raises(PermissionDenied):
        await viewer.trigger(pipeline.id)


async def test_a_pipeline_is_changed_and_deleted(replica, client):
    engineer = client((await replica()).grpc_address)
    created = await engineer.create(GRAPH)
    steps = [step for step in created.steps if step.id == "a"]
    request = pb.UpdatePipelineRequest(pipeline_id=created.id, name="smaller", steps=steps, idempotency_key="once")
    changed = (await engineer.stub.UpdatePipeline(request)).pipeline
    assert (changed.name, list(changed.steps), changed.created_at) == ("smaller", steps, created.created_at)
    assert (await engineer.stub.UpdatePipeline(request)).pipeline == changed
    with pytest.raises(Aborted, match="was changed meanwhile"):
        stale = pb.UpdatePipelineRequest(pipeline_id=created.id, name="stale", expected_revision=created.revision)
        await engineer.stub.UpdatePipeline(stale)
    assert (await engineer.stub.GetPipeline(pb.GetPipelineRequest(pipeline_id=created.id))).pipeline == changed
    with pytest.raises(Aborted, match="was changed meanwhile"):
        unseen = pb.DeletePipelineRequest(pipeline_id=created.id, expected_revision=created.revision)
        await engineer.stub.DeletePipeline(unseen)
    gone = pb.DeletePipelineRequest(pipeline_id=created.id, idempotency_key="gone", expected_revision=changed.revision)
    await engineer.stub.DeletePipeline(gone)
    await engineer.stub.DeletePipeline(gone)
    with pytest.raises(NotFound):
        await engineer.stub.DeletePipeline(pb.DeletePipelineRequest(pipeline_id=created.id))
    assert list((await engineer.stub.ListPipelines(pb.ListPipelinesRequest())).pipelines) == []
    with pytest.raises(AlreadyExists):
        await engineer.create(GRAPH, name="smaller")


async def test_an_execution_is_watched_and_cancelled_from_another_replica(replica, client, peers):
    peers.world.add_version("delays", "1", status="PENDING_UPLOAD")
    one, two = [client((await replica()).grpc_address) for _ in range(2)]
    pipeline = await one.create(
        {
            "name": "saga",
            "type": "PIPELINE_TYPE_DEPLOYMENT_SAGA",
            "steps": [
                {"id": "validate", "type": "STEP_TYPE_VALIDATE"},
                {"id": "deploy", "type": "STEP_TYPE_DEPLOY"},
            ],
        }
    )
    execution = await one.trigger(pipeline.id, model="delays", version="1")
    numbers: list[int] = []
    async for message in two.stub.WatchExecution(pb.WatchExecutionRequest(execution_id=execution.id, from_start=True)):
        numbers.append(message.sequence)
        if message.changed_step.status == pb.STEP_STATUS_RUNNING:
            await two.stub.CancelExecution(pb.CancelExecutionRequest(execution_id=execution.id, reason="no"))
    assert numbers == list(range(1, len(numbers) + 1))
    ended = await one.get(execution.id)
    assert ended.status == pb.EXECUTION_STATUS_CANCELLED
    assert ended.error == "cancelled by engineer-of-alpha: no"
    assert ended.sequence == numbers[-1]
    resumed = await one.watch(execution.id, after_sequence=2)
    assert [message.sequence for message in resumed] == numbers[2:]
    (present,) = await one.watch(execution.id, include_current_state=True)
    assert present.execution == ended
    (last,) = await one.watch(execution.id, include_current_state=False)
    assert last.execution == ended


async def test_executions_are_listed_with_their_filters_and_without_steps(replica, client, peers):
    peers.supervisor.jobs = {"work.it": lasting}
    engineer = client((await replica()).grpc_address)
    pipeline = await engineer.create(GRAPH)
    executions = [await engineer.trigger(pipeline.id) for _ in range(3)]
    for each in executions:
        ended = await engineer.ended(each.id)
        assert ended.error == "step 'a': the job failed: RuntimeError('no data')"
    request = pb.ListExecutionsRequest(pipeline_id=pipeline.id, status_filter=pb.EXECUTION_STATUS_FAILED)
    request.pagination.page_size = 2
    first = await engineer.stub.ListExecutions(request)
    request.pagination.page_token = first.pagination.next_page_token
    second = await engineer.stub.ListExecutions(request)
    found = [*first.executions, *second.executions]
    assert [each.id for each in found] == [each.id for each in reversed(executions)]
    assert all(not each.step_executions for each in found)
    assert second.pagination.next_page_token == ""


@pytest.mark.parametrize("method", ["GetPipeline", "TriggerExecution"])
async def test_an_id_that_is_none_names_its_field(replica, client, method):
    engineer = client((await replica()).grpc_address)
    request = getattr(pb, f"{method}Request")(pipeline_id="1; drop table")
    with pytest.raises(InvalidArgument, match="pipeline_id"):
        await getattr(engineer.stub, method)(request)


async def test_who_may_not_see_secrets_refers_to_none(replica, issuer):
    running = await replica()
    channels = Channels(BearerToken(issuer.api_key(scopes=["pipelines:read", "pipelines:write"])))
    stub: Any = PipelineOrchestratorServiceStub(channels.open(running.grpc_address, timeout=PATIENCE))
    step = {"id": "a", "type": "STEP_TYPE_CUSTOM", "config": JOB | {"key": "secret://db"}}
    wanted = json_format.ParseDict(GRAPH | {"steps": [step]}, pb.CreatePipelineRequest())
    with pytest.raises(PermissionDenied):
        await stub.CreatePipeline(wanted)
    made = (await stub.CreatePipeline(json_format.ParseDict(GRAPH, pb.CreatePipelineRequest()))).pipeline
    change = json_format.ParseDict({"pipelineId": made.id, "steps": [step]}, pb.UpdatePipelineRequest())
    with pytest.raises(PermissionDenied):
        await stub.UpdatePipeline(change)
    trigger = pb.TriggerExecutionRequest(pipeline_id=made.id)
    trigger.input.update({"key": "secret://db"})
    with pytest.raises(PermissionDenied):
        await stub.TriggerExecution(trigger)
    await channels.close()
