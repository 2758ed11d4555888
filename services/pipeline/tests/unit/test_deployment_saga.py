"""The deployment saga over peers in memory."""

from dataclasses import replace

from fp_kernel import FailedPrecondition, InvalidArgument, Unavailable
from fp_pipeline.app.peers import Stage
from fp_pipeline.domain.definition import PipelineType, StepType
from fp_pipeline.domain.deployment import DeploymentState
from fp_pipeline.domain.execution import ExecutionStatus, StepStatus
from pipeline_fakes.peers import FakeRegistry


def statuses(execution):
    return {each.step_id: each.status.value for each in execution.steps}


async def test_a_first_version_gets_all_the_traffic_and_needs_no_canary(service):
    service.world.add_version("delays", "1")
    execution = await service.deploy("1")
    assert execution.status is ExecutionStatus.COMPLETED
    assert statuses(execution) == {
        "validate": "COMPLETED",
        "deploy": "COMPLETED",
        "canary": "SKIPPED",
        "promote": "COMPLETED",
    }
    assert service.live == {"1": 10_000}
    assert service.world["splits"] == {"delays": {"1": 10_000}}
    assert service.world.production("delays") == "delays-1"
    assert service.events == [
        "started",
        "step.completed",
        "model.deployed",
        "step.completed",
        "step.completed",
        "completed",
    ]


async def test_a_second_version_takes_over_and_the_first_one_goes_last(service):
    service.world.add_version("delays", "1")
    service.world.add_version("delays", "2")
    await service.deploy("1")
    execution = await service.deploy("2")
    assert execution.status is ExecutionStatus.COMPLETED
    splits = [call for call in service.world.calls if call.startswith("split")]
    assert splits[1:] == ['split delays {"1": 9500, "2": 500}', 'split delays {"1": 0, "2": 10000}']
    assert service.live == {"2": 10_000}
    assert service.world.production("delays") == "delays-2"
    undeployed = service.stores.events[-1]
    assert undeployed.type == "fp.pipelines.completed"
    assert service.events[-2:] == ["model.undeployed", "completed"]
    assert len(service.world["runtimes"]) == 2, "the old runtime still drains"
    await service.reconciler.once()
    assert [runtime["version_id"] for runtime in service.world["runtimes"].values()] == ["delays-2"]
    assert {each.state for each in service.stores.state.deployments.values()} == {
        DeploymentState.LIVE,
        DeploymentState.GONE,
    }


async def test_a_version_that_is_not_ready_is_not_deployed(service):
    service.world.add_version("delays", "1", status="FAILED")
    execution = await service.deploy("1")
    assert execution.status is ExecutionStatus.FAILED
    assert execution.error.startswith("step 'validate': version 1 of 'delays' is FAILED")
    assert service.world.count("start_runtime") == 0


async def test_a_runtime_that_cannot_load_the_version_leaves_nothing_behind(service):
    service.world.add_version("delays", "1")
    service.probe.broken.add("delays-1")
    execution = await service.deploy("1")
    assert execution.status is ExecutionStatus.FAILED
    assert "the file is no ONNX model" in execution.error
    assert statuses(execution)["validate"] == "COMPENSATED"
    assert execution.step("deploy").attempt == 1, "another attempt could not change it"
    assert service.world["runtimes"] == {}
    assert service.live == {}
    assert "model.deployed" not in service.events


async def test_a_runtime_that_never_gets_ready_is_given_up_after_its_time(service):
    service.world.add_version("delays", "1")
    service.probe.slow.add("delays-1")
    deploy = service.step("deploy", StepType.DEPLOY, timeout=1.0)
    execution = await service.deploy("1", service.saga[0], deploy)
    assert execution.error == "step 'deploy': not done in 1 s, waiting for the runtime to load the version"
    assert service.world["runtimes"] == {}


async def test_a_failed_promotion_gives_the_traffic_back_to_the_old_version(service):
    service.world.add_version("delays", "1")
    service.world.add_version("delays", "2")
    await service.deploy("1")
    service.world.fail("promote", 1, lambda: FailedPrecondition("the model is archived"))
    execution = await service.deploy("2")
    assert execution.status is ExecutionStatus.FAILED
    assert statuses(execution) == {
        "validate": "COMPENSATED",
        "deploy": "COMPENSATED",
        "canary": "COMPENSATED",
        "promote": "FAILED",
    }
    assert service.live == {"1": 10_000}
    assert service.world["splits"]["delays"] == {"1": 10_000, "2": 0}
    assert service.world.production("delays") == "delays-1"
    assert [runtime["version_id"] for runtime in service.world["runtimes"].values()] == ["delays-1"]
    assert service.events[-3:] == ["compensation.triggered", "model.undeployed", "failed"]


async def test_a_promotion_waits_until_inference_knows_the_target(service):
    service.world.add_version("delays", "1")
    service.world.fail("split", 3, lambda: FailedPrecondition("version 1 is no target"))
    execution = await service.deploy("1")
    assert execution.status is ExecutionStatus.COMPLETED
    assert service.world.count("split") == 4
    assert execution.step("promote").attempt == 1


async def test_a_promotion_whose_answer_was_lost_is_taken_back_at_the_registry(service, monkeypatch):
    service.world.add_version("delays", "1")
    service.world.add_version("delays", "2")
    await service.deploy("1")
    promote = FakeRegistry.promote

    async def lost(self, actor, version_id, stage, key):
        await promote(self, actor, version_id, stage, key)
        raise InvalidArgument("the answer came back as nonsense")

    monkeypatch.setattr(FakeRegistry, "promote", lost)
    execution = await service.deploy("2")
    assert execution.status is ExecutionStatus.FAILED
    assert service.world.production("delays") == "delays-1"
    assert service.live == {"1": 10_000}


async def test_a_lost_promotion_is_taken_back_though_reads_of_the_registry_lag_behind(service, monkeypatch):
    service.world.add_version("delays", "1")
    service.world.add_version("delays", "2")
    await service.deploy("1")
    promote, by_id = FakeRegistry.promote, FakeRegistry.by_id

    async def lost(self, actor, version_id, stage, key):
        await promote(self, actor, version_id, stage, key)
        raise InvalidArgument("the answer came back as nonsense")

    async def late(self, actor, version_id):
        return replace(await by_id(self, actor, version_id), stage=Stage.DEV)

    monkeypatch.setattr(FakeRegistry, "promote", lost)
    monkeypatch.setattr(FakeRegistry, "by_id", late)
    await service.deploy("2")
    assert service.world.production("delays") == "delays-1"
    assert service.live == {"1": 10_000}


async def test_a_version_is_not_deployed_twice(service):
    service.world.add_version("delays", "1")
    await service.deploy("1")
    ended = await service.deploy("1", service.step("deploy", StepType.DEPLOY))
    assert ended.error == "step 'deploy': version 1 of 'delays' is deployed already"
    assert service.live == {"1": 10_000}


async def test_two_deployments_of_a_model_take_turns(service):
    for version in ("1", "2", "3"):
        service.world.add_version("delays", version)
    await service.deploy("1")
    pipeline = await service.pipeline(PipelineType.DEPLOYMENT_SAGA, *service.saga, name="both")
    both = [await service.trigger(pipeline, model="delays", version=version) for version in ("2", "3")]
    async with service.working(workers=2):
        ended = [await service.ended(each.id) for each in both]
    assert [each.status for each in ended] == [ExecutionStatus.COMPLETED] * 2
    assert len(service.live) == 1
    assert set(service.live.values()) == {10_000}
    assert service.stores.state.turns == {}


async def test_an_undo_is_retried_and_what_cannot_be_undone_is_told(service):
    service.world.add_version("delays", "1")
    service.world.fail("promote", 1, lambda: FailedPrecondition("no"))
    service.world.fail("stop_runtime", 2, lambda: Unavailable("the supervisor is away"))
    execution = await service.deploy("1")
    assert statuses(execution)["deploy"] == "COMPENSATED"
    service.world.add_version("delays", "2")
    service.world.fail("promote", 1, lambda: FailedPrecondition("no"))
    service.world.fail("stop_runtime", 99, lambda: Unavailable("the supervisor is away"))
    execution = await service.deploy("2")
    assert execution.step("deploy").status is StepStatus.COMPENSATION_FAILED
    assert execution.step("validate").status is StepStatus.COMPENSATED
    assert execution.status is ExecutionStatus.FAILED
    failed = service.stores.events[-1]
    assert failed.payload.compensation_failed
    service.world.fail("stop_runtime", 0)
    await service.reconciler.once()
    assert service.world["runtimes"] == {}, "the reconciler sweeps what a saga could not"
