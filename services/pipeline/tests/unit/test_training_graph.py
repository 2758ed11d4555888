"""The training graph over peers in memory."""

import json

import pytest
from fp_kernel import FailedPrecondition, InvalidArgument, NotFound, Unavailable
from fp_pipeline.domain.definition import PipelineType, StepType
from fp_pipeline.domain.execution import ExecutionStatus, StepStatus


async def test_a_trained_model_becomes_a_version(service):
    service.jobs.results = {"evaluate": {"metrics": {"auc": 0.72}, "rows": 100}}
    execution = await service.run(PipelineType.TRAINING_DAG, *service.training)
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.step("register").output == {
        "model": "delays",
        "model_id": "model-delays",
        "version": "1",
        "version_id": "delays-1",
    }
    version = service.world["versions"]["delays-1"]
    assert version["status"] == "READY"
    assert version["metrics"] == {"auc": 0.72}
    assert version["run_id"] == execution.id
    assert version["profile"] == "profile.json of train"
    assert service.world["objects"]["uploads/delays-1"] == "model.onnx of train"


async def test_a_job_is_told_what_it_needs_and_nothing_else(service):
    service.jobs.results = {"train": {"metrics": {}, "seed": 7}}
    execution = await service.run(PipelineType.TRAINING_DAG, *service.training, month=2)
    train, evaluate = service.jobs.specs
    folder = f"pipelines/{execution.id}"
    assert train["inputs"] == {}
    assert train["outputs"] == {
        "model.onnx": f"put:{folder}/train/1/model.onnx",
        "profile.json": f"put:{folder}/train/1/profile.json",
    }
    assert train["result_url"] == f"put:{folder}/train/1/result.json"
    assert evaluate["inputs"] == {
        "train/model.onnx": f"get:{folder}/train/1/model.onnx",
        "train/profile.json": f"get:{folder}/train/1/profile.json",
    }
    assert evaluate["step_outputs"]["train"] == {"metrics": {}, "seed": 7}
    assert evaluate["execution_input"] == {"month": 2}
    assert (evaluate["team"], evaluate["step_id"], evaluate["attempt"]) == ("alpha", "evaluate", 1)


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"metrics": {"auc": 0.61}}, "auc is 0.61, below the demanded 0.65"),
        ({"metrics": {}}, "the job measured no auc, of which at least 0.65 is demanded"),
        ({"metrics": "good"}, "the job measured no auc, of which at least 0.65 is demanded"),
    ],
)
async def test_a_model_below_the_minimum_is_not_registered(service, result, reason):
    service.jobs.results = {"evaluate": result}
    execution = await service.run(PipelineType.TRAINING_DAG, *service.training)
    assert execution.error == f"step 'evaluate': {reason}"
    assert execution.step("evaluate").attempt == 1, "another attempt could not change it"
    assert execution.step("register").status is StepStatus.SKIPPED
    assert service.world["versions"] == {}


async def test_a_failed_job_is_tried_again_as_another_job(service):
    service.jobs.failing = {"train": 2}
    train = service.step("train", StepType.TRAIN, max_retries=2)
    execution = await service.run(PipelineType.TRAINING_DAG, train)
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.step("train").attempt == 3
    assert [name.rsplit("-", 2)[1] for name in service.world["jobs"]] == ["1", "2", "3"]


async def test_a_job_that_fails_for_good_tells_its_last_line(service):
    service.jobs.failing = {"train": 9}
    execution = await service.run(PipelineType.TRAINING_DAG, service.step("train", StepType.TRAIN))
    assert execution.error == "step 'train': the job failed: exit code 1; its last line: ValueError: no data"


async def test_a_job_that_puts_no_result_has_failed(service):
    service.jobs.results = {"train": None}
    execution = await service.run(PipelineType.TRAINING_DAG, service.step("train", StepType.TRAIN))
    assert execution.error == "step 'train': the job ended without putting result.json"


async def test_a_job_that_takes_too_long_is_stopped(service):
    service.jobs.lasting = {"train"}
    execution = await service.run(PipelineType.TRAINING_DAG, service.step("train", StepType.TRAIN, timeout=1.0))
    assert execution.error == "step 'train': not done in 1 s, waiting for the job"
    assert [job["state"] for job in service.world["jobs"].values()] == ["FAILED"]


async def test_a_registration_that_is_tried_again_makes_one_version(service):
    register = service.step("register", StepType.REGISTER, "evaluate", config={"model": "delays"}, max_retries=3)
    service.world.fail("send", 2, lambda: Unavailable("the object store is away"))
    execution = await service.run(PipelineType.TRAINING_DAG, *service.training[:2], register)
    assert execution.status is ExecutionStatus.COMPLETED
    assert (execution.step("register").attempt, service.world.count("send")) == (1, 3)
    assert list(service.world["versions"]) == ["delays-1"]


async def test_outputs_of_the_attempt_that_succeeded_are_passed_on(service):
    service.jobs.failing = {"train": 1}
    train = service.step("train", StepType.TRAIN, config={"outputs": ["model.onnx"]}, max_retries=1)
    register = service.step("register", StepType.REGISTER, "train", config={"model": "delays"})
    await service.run(PipelineType.TRAINING_DAG, train, register)
    assert service.world["objects"]["uploads/delays-1"] == "model.onnx of train"
    assert any(call.endswith("train/2/model.onnx") for call in service.world.calls)


async def test_the_log_of_every_attempt_is_kept(service):
    service.jobs.failing = {"train": 1}
    execution = await service.run(PipelineType.TRAINING_DAG, service.step("train", StepType.TRAIN, max_retries=1))
    stream = service.do.step_logs("alpha", execution.id, "train", after_line=0, follow=True)
    lines = [(line.number, line.text) async for line in stream]
    assert lines == [(1, "attempt 1 of train"), (2, "ValueError: no data"), (3, "attempt 2 of train")]
    rest = service.do.step_logs("alpha", execution.id, "train", after_line=2, follow=False)
    assert [line.number async for line in rest] == [3]


async def test_the_log_of_a_running_job_is_followed_until_the_step_ends(service):
    service.jobs.lasting = {"train"}
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, service.step("train", StepType.TRAIN))
    execution = await service.trigger(pipeline)
    seen = []
    async with service.working():
        async for line in service.do.step_logs("alpha", execution.id, "train", after_line=0, follow=True):
            seen.append(line.text)
            if len(seen) == 1:
                (name,) = service.world["jobs"]
                job = service.world["jobs"][name]
                job["lines"].append("done")
                job["state"] = "SUCCEEDED"
                service.world["objects"][f"pipelines/{execution.id}/train/1/result.json"] = json.dumps({})
    assert seen == ["attempt 1 of train", "done"]


async def test_logs_of_an_unknown_step_are_not_found(service):
    execution = await service.run(PipelineType.TRAINING_DAG, service.step("train", StepType.TRAIN))
    with pytest.raises(NotFound, match="no step 'other'"):
        await anext(service.do.step_logs("alpha", execution.id, "other", after_line=0, follow=False))
    with pytest.raises(NotFound):
        await anext(service.do.step_logs("beta", execution.id, "train", after_line=0, follow=False))


async def test_a_registration_without_a_model_in_its_config_takes_the_one_of_the_input(service):
    register = service.step("register", StepType.REGISTER, "train")
    train = service.step("train", StepType.TRAIN, config={"outputs": ["model.onnx"]})
    pipeline = await service.pipeline(PipelineType.TRAINING_DAG, train, register)
    with pytest.raises(InvalidArgument, match=r"input\.model"):
        await service.trigger(pipeline)
    execution = await service.trigger(pipeline, model="fares")
    async with service.working():
        await service.ended(execution.id)
    assert list(service.world["versions"]) == ["fares-1"]


async def test_a_refused_artifact_fails_the_registration_with_the_registrys_reason(service):
    service.world.fail("confirm_upload", 1, lambda: FailedPrecondition("the model is archived"))
    execution = await service.run(PipelineType.TRAINING_DAG, *service.training)
    assert execution.error == "step 'register': the model is archived"


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"note": "a\0b"}, "result.json.note: must be text without NUL"),
        ({"rows": [1, {"x": 10**30}]}, "result.json.rows[1].x: must be a number of at most 64 bits"),
        ({"rate": float("nan")}, "result.json.rate: must be a finite number"),
        ({"text": "\ud800"}, "result.json.text: must be text without NUL"),
        ({"text": "x" * 40_000}, "result.json is larger than 32768 bytes"),
        (["no", "object"], "result.json is no JSON object"),
    ],
)
async def test_a_result_that_nobody_can_keep_fails_the_step(service, result, reason):
    service.jobs.results = {"train": result}
    execution = await service.run(PipelineType.TRAINING_DAG, service.step("train", StepType.TRAIN))
    assert execution.error == f"step 'train': {reason}"


async def test_log_lines_of_any_bytes_are_kept(service):
    service.jobs.failing = {"train": 1}
    service.jobs.says = {"train": ["nul \0 here", "half a pair \ud800", "long " + "x" * 5_000]}
    execution = await service.run(PipelineType.TRAINING_DAG, service.step("train", StepType.TRAIN))
    stream = service.do.step_logs("alpha", execution.id, "train", after_line=0, follow=False)
    lines = [line.text async for line in stream]
    assert lines[:2] == ["nul \ufffd here", "half a pair ?"]
    assert len(lines[2]) == 1_000
