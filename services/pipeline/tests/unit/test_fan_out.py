"""Steps that fan out, by the engine over peers in memory."""

import json
from datetime import UTC

import pytest
from fp_kernel import InvalidArgument
from fp_pipeline.api.convert import execution_to_pb, sighting_to_pb
from fp_pipeline.domain.definition import PipelineType, StepType
from fp_pipeline.domain.execution import ExecutionStatus, StepStatus


def each(service, *parents, outputs=(), max_retries=0, **fan_out):
    config = {"outputs": list(outputs), "fan_out": fan_out}
    return service.step("each", StepType.CUSTOM, *parents, config=config, max_retries=max_retries)


async def test_a_job_of_an_item_is_told_its_item(service):
    service.jobs.results = {"list": {"months": [{"month": 1}, {"month": 2}]}}
    first = service.step("list", StepType.CUSTOM)
    execution = await service.run(PipelineType.BATCH_INFERENCE, first, each(service, "list", **{"from": "list/months"}))
    assert execution.status is ExecutionStatus.COMPLETED
    _, *specs = service.jobs.specs
    assert [(spec["step_id"], spec["item_index"], spec["item"]) for spec in specs] == [
        ("each.0", 0, {"month": 1}),
        ("each.1", 1, {"month": 2}),
    ]
    assert "fan_out" not in specs[0]["config"]
    assert specs[0]["result_url"] == f"put:pipelines/{execution.id}/each.0/1/result.json"
    assert specs[0]["step_outputs"] == {"list": {"months": [{"month": 1}, {"month": 2}]}}


async def test_the_step_behind_finds_results_and_files_of_every_item(service):
    service.jobs.results = {"each.0": {"rows": 5}, "each.2": {"rows": 7}}
    service.jobs.failing = {"each.1": 9}
    join = service.step("join", StepType.CUSTOM, "each")
    fan_out = each(service, outputs=["scores.csv"], from_input="chunks", on_failure="tolerate")
    execution = await service.run(PipelineType.BATCH_INFERENCE, fan_out, join, chunks=["a", "b", "c"])
    assert execution.status is ExecutionStatus.COMPLETED
    spec = service.jobs.specs[-1]
    expected = {"items": 3, "completed": 2, "failed": [1], "results": [{"rows": 5}, None, {"rows": 7}]}
    assert spec["step_outputs"] == {"each": expected}
    assert list(spec["inputs"]) == ["each/items.json"]
    items = json.loads(service.world["objects"][spec["inputs"]["each/items.json"].removeprefix("get:")])
    assert [(item["item"], item["status"], item["output"]) for item in items] == [
        ("a", "COMPLETED", {"rows": 5}),
        ("b", "FAILED", None),
        ("c", "COMPLETED", {"rows": 7}),
    ]
    assert items[0]["files"] == {"scores.csv": f"get:pipelines/{execution.id}/each.0/1/scores.csv"}
    assert items[1]["files"] == {}
    assert items[1]["error"].startswith("the job failed: exit code 1")


async def test_an_item_has_attempts_of_its_own(service):
    service.jobs.failing = {"each.1": 2}
    execution = await service.run(PipelineType.TRAINING_DAG, each(service, items=[1, 2, 3], max_retries=2))
    assert execution.status is ExecutionStatus.COMPLETED
    assert [item.attempt for item in execution.items("each")] == [1, 3, 1]
    assert execution.step("each").attempt == 1
    assert service.events.count("step.completed") == 1
    stream = service.do.step_logs("alpha", execution.id, "each.1", after_line=0, follow=True)
    assert [line.text async for line in stream][-1] == "attempt 3 of each.1"


async def test_a_failed_item_stops_the_step(service):
    service.policy = type(service.policy)(backoff=service.policy.backoff, parallelism=1, drain=0, pause=0.001)
    service.jobs.failing = {"each.1": 9}
    execution = await service.run(PipelineType.TRAINING_DAG, each(service, items=[1, 2, 3, 4]))
    assert execution.status is ExecutionStatus.FAILED
    assert [item.status.value for item in execution.items("each")] == ["COMPLETED", "FAILED", "SKIPPED", "SKIPPED"]
    assert execution.error.startswith("step 'each': 1 of 4 items failed; 'each.1': the job failed: exit code 1")
    assert len(service.world["jobs"]) == 2


async def test_a_cancelled_fan_out_stops_its_jobs(service):
    service.jobs.lasting = {"each.0", "each.1"}
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, each(service, items=[1, 2, 3], parallelism=2))
    execution = await service.trigger(pipeline)
    async with service.working():
        await service.until(execution.id, lambda _: len(service.world["jobs"]) == 2)
        await service.cancel(execution.id, "enough")
        ended = await service.ended(execution.id)
    assert ended.status is ExecutionStatus.CANCELLED
    assert [job["reason"] for job in service.world["jobs"].values()] == ["stopped"] * 2
    statuses = [item.status for item in ended.items("each")]
    assert statuses == [StepStatus.FAILED, StepStatus.FAILED, StepStatus.SKIPPED]


async def test_an_empty_list_is_a_step_without_work(service):
    execution = await service.run(PipelineType.TRAINING_DAG, each(service, from_input="days"), days=[])
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.step("each").output == {"items": 0, "completed": 0, "failed": [], "results": []}
    assert service.world["jobs"] == {}


async def test_an_input_without_the_list_is_refused_at_once(service):
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, each(service, from_input="days"))
    with pytest.raises(InvalidArgument, match=r"input\.days: must be a list of at most 1000"):
        await service.trigger(pipeline, days="monday")


async def test_a_result_larger_than_an_items_share_fails_the_item(service):
    service.jobs.results = {"each.0": {"text": "x" * 5_000}}
    execution = await service.run(PipelineType.TRAINING_DAG, each(service, items=[1], max_retries=3))
    assert "result.json is larger than 4096 bytes" in execution.error
    assert execution.items("each")[0].attempt == 1, "another attempt could not change it"


async def test_items_are_seen_by_reads_and_watches(service):
    service.jobs.failing = {"each.1": 9}
    fan_out = each(service, items=["a", {"b": 1}], on_failure="finish")
    execution = await service.run(PipelineType.TRAINING_DAG, fan_out)
    parent, first, second = execution_to_pb(execution).step_executions
    assert (parent.step_id, parent.item_count, parent.completed_items, parent.failed_items) == ("each", 2, 1, 1)
    assert (first.step_id, first.parent_step_id, first.item_index) == ("each.0", "each", 0)
    assert first.item.string_value == "a"
    assert dict(second.item.struct_value) == {"b": 1}
    watched = [sighting_to_pb(sighting) for sighting in await service.watched(execution.id)]
    changes = [
        (each.changed_step.step_id, each.changed_step.status) for each in watched if each.changed_step.item_index
    ]
    assert [status for name, status in changes if name == "each.1"] == [1, 2, 4]
    assert all(len(message.execution.step_executions) == 1 for message in watched), "changes carry no other items"
    assert watched[-1].execution.step_executions[0].failed_items == 1
    (present,) = await service.watched(execution.id, include_current_state=True)
    before = service.clock.now()
    (present,) = await service.watched(execution.id, include_current_state=True)
    response = sighting_to_pb(present)
    assert len(response.execution.step_executions) == 3
    assert before <= response.emitted_at.ToDatetime(UTC) <= service.clock.now()
