"""Where a saga finds the version that it deploys: in its input, or in the config of its steps."""

import pytest
from fp_kernel import InvalidArgument
from fp_pipeline.domain.definition import PipelineType, StepType
from fp_pipeline.domain.execution import ExecutionStatus


@pytest.fixture
def saga(service):
    """A saga whose steps name what the test says."""
    for model, version in (("delays", "1"), ("delays", "2"), ("fares", "1")):
        service.world.add_version(model, version)

    def make(**config):
        return [
            service.step(kind.lower(), kind, config=config)
            for kind in (StepType.VALIDATE, StepType.DEPLOY, StepType.PROMOTE)
        ]

    return make


@pytest.mark.parametrize(
    ("config", "given", "deployed"),
    [
        ({"model": "delays", "version": "1"}, {}, "delays-1"),
        ({"model_id": "model-delays", "version": "1"}, {}, "delays-1"),
        ({"model": "delays", "version": "1"}, {"version": "2"}, "delays-2"),
        ({"model": "delays", "version": "1"}, {"model": "fares"}, "fares-1"),
        ({"model": "delays", "version": "1"}, {"model_id": "model-fares"}, "fares-1"),
        ({}, {"model_name": "delays", "version": "2"}, "delays-2"),
        ({}, {"model_id": "model-delays", "version": "2"}, "delays-2"),
    ],
)
async def test_the_input_wins_over_what_the_steps_say(service, saga, config, given, deployed):
    execution = await service.run(PipelineType.DEPLOYMENT_SAGA, *saga(**config), **given)
    assert execution.status is ExecutionStatus.COMPLETED, execution.error
    assert service.world.production(deployed.partition("-")[0]) == deployed
    assert execution.input["version"] == deployed.partition("-")[2]


async def test_what_neither_says_is_named(service, saga):
    pipeline = await service.pipeline(PipelineType.DEPLOYMENT_SAGA, *saga(model="delays"))
    with pytest.raises(InvalidArgument, match=r"input\.version"):
        await service.trigger(pipeline)


async def test_steps_that_name_different_versions_are_refused(service, saga):
    steps = saga(model="delays", version="1")[:1] + saga(model="delays", version="2")[1:]
    with pytest.raises(InvalidArgument, match=r"steps\[1\]\.config\.version"):
        await service.pipeline(PipelineType.DEPLOYMENT_SAGA, *steps)
