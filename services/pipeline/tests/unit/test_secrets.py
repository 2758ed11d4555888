"""Secrets in the config of a job: resolved for the running job alone."""

import json

import pytest
from fp_kernel import InvalidArgument
from fp_pipeline.domain.definition import PipelineType, StepType
from fp_pipeline.domain.execution import ExecutionStatus
from fp_pipeline.domain.secrets import MOST_BYTES, Unusable, for_job, references

MARKED = "marked-value-51c0"


def job(service, reference="secret://db", **fields):
    return service.step("train", StepType.TRAIN, config={"warehouse": {"password": reference}}, **fields)


async def test_a_job_gets_the_values_beside_a_specification_that_keeps_the_references(service):
    service.world["secrets"]["secret://db"] = MARKED
    execution = await service.run(PipelineType.TRAINING_DAG, job(service))
    assert execution.status is ExecutionStatus.COMPLETED
    (environment,) = service.jobs.environments
    assert json.loads(environment["FP_JOB_SECRETS"]) == {"secret://db": MARKED}
    assert MARKED not in environment["FP_JOB_SPEC"]
    assert service.jobs.specs[0]["config"]["warehouse"] == {"password": "secret://db"}
    assert MARKED not in repr(execution)
    assert f"resolve alpha {execution.id}" in service.world.calls, "for the team and the execution"


async def test_a_job_gets_the_values_that_the_input_refers_to_beside_its_own(service):
    service.world["secrets"].update({"secret://db": "of-the-config", "secret://bucket@2": MARKED})
    given = {"source": {"key": "secret://bucket@2"}}
    execution = await service.run(PipelineType.TRAINING_DAG, job(service), **given)
    assert execution.status is ExecutionStatus.COMPLETED
    (environment,) = service.jobs.environments
    assert json.loads(environment["FP_JOB_SECRETS"]) == {"secret://db": "of-the-config", "secret://bucket@2": MARKED}
    assert service.jobs.specs[0]["execution_input"] == given
    assert MARKED not in environment["FP_JOB_SPEC"] + repr(execution)


async def test_an_input_refers_to_secrets_only_where_a_job_gets_them(service):
    deploys = await service.pipeline(PipelineType.DEPLOYMENT_SAGA, service.step("validate", StepType.VALIDATE))
    trains = await service.pipeline(PipelineType.TRAINING_DAG, job(service), name="trains")
    many = [f"secret://s{number}" for number in range(50)]
    for pipeline, given, field in (
        (deploys, {"model": "delays", "version": "1", "key": "secret://db"}, "input"),
        (trains, {"key": "secret://"}, "input.key"),
        (trains, {"keys": many}, "input"),
    ):
        with pytest.raises(InvalidArgument) as refused:
            await service.trigger(pipeline, **given)
        assert refused.value.fields[0].field == field


async def test_a_job_without_references_gets_no_secrets(service):
    await service.run(PipelineType.TRAINING_DAG, service.step("train", StepType.TRAIN))
    assert "FP_JOB_SECRETS" not in service.jobs.environments[0]
    assert service.world.count("resolve") == 0


async def test_a_secret_that_is_gone_fails_the_job_at_once_and_says_which(service):
    execution = await service.run(PipelineType.TRAINING_DAG, job(service, max_retries=3))
    assert execution.error == "step 'train': secret://db: no such secret"
    assert execution.step("train").attempt == 1
    assert service.jobs.specs == []


async def test_auth_that_is_away_costs_no_attempt(service):
    service.world["secrets"]["secret://db"] = MARKED
    service.world.fail("resolve", times=2)
    execution = await service.run(PipelineType.TRAINING_DAG, job(service))
    assert execution.status is ExecutionStatus.COMPLETED
    assert execution.step("train").attempt == 1


@pytest.mark.parametrize("wrong", ["secret://", "secret://a b", "secret://db@0", "secret://db@", "secret://db@latest"])
async def test_a_mistyped_reference_is_refused_when_the_pipeline_is_made(service, wrong):
    with pytest.raises(InvalidArgument) as refused:
        await service.pipeline(PipelineType.TRAINING_DAG, job(service, wrong))
    assert refused.value.fields[0].field == "steps[0].config.warehouse.password"


async def test_a_step_that_runs_no_job_takes_no_secret(service):
    register = service.step("register", StepType.REGISTER, "train", config={"description": "secret://db"})
    train = service.step("train", StepType.TRAIN, config={"outputs": ["model.onnx"]})
    with pytest.raises(InvalidArgument) as refused:
        await service.pipeline(PipelineType.TRAINING_DAG, train, register)
    assert refused.value.fields[0].field == "steps[1].config"


def test_references_are_found_at_any_depth_once_each_and_bounded():
    config = {"a": ["secret://x", {"b": "secret://y@2"}], "c": "secret://x", "d": "no secret://z", "e": 1}
    assert references(config) == ("secret://x", "secret://y@2")
    with pytest.raises(InvalidArgument):
        references({"many": [f"secret://s{n}" for n in range(51)]})


def test_what_no_environment_can_hold_is_refused_without_showing_it():
    for value in (b"\xff\xfe", b"\x00", b"x" * MOST_BYTES):
        with pytest.raises(Unusable) as refused:
            for_job({"secret://x": value})
        assert "xxx" not in str(refused.value)
