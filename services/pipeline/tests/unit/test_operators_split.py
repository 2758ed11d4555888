"""A split that an operator has set is what a deployment starts from and what its undoing goes back to."""

import pytest
from fp_kernel import FailedPrecondition, Unavailable
from fp_pipeline.domain.definition import PipelineType, StepType
from fp_pipeline.domain.execution import ExecutionStatus


@pytest.fixture
async def two(service):
    """Versions 1 and 2 are deployed, and an operator has them share the traffic; a saga for version 3 may follow."""
    for version in ("1", "2", "3"):
        service.world.add_version("delays", version)
    await service.deploy("1")
    # Without PROMOTE a version stays beside the old one.
    await service.deploy("2", service.step("deploy", StepType.DEPLOY))
    service.world["splits"]["delays"] = {"1": 6_000, "2": 4_000}
    return service


def splits(service):
    return [call.partition(" delays ")[2] for call in service.world.calls if call.startswith("split ")][1:]


async def test_a_canary_takes_its_share_from_the_split_that_there_is(two):
    execution = await two.deploy("3")
    assert execution.status is ExecutionStatus.COMPLETED, execution.error
    assert splits(two) == ['{"1": 5700, "2": 3800, "3": 500}', '{"1": 0, "2": 0, "3": 10000}']


async def test_a_deployment_that_is_undone_goes_back_to_the_operators_split(two):
    two.world.fail("promote", 1, lambda: FailedPrecondition("no"))
    execution = await two.deploy("3")
    assert execution.status is ExecutionStatus.FAILED
    assert two.world["splits"]["delays"] == {"1": 6_000, "2": 4_000, "3": 0}
    assert two.live == {"1": 6_000, "2": 4_000}


async def test_a_split_that_is_set_between_the_look_and_the_change_is_started_from(two):
    """Else what an operator decided in that moment would be overwritten by nobody's decision."""
    meanwhile = {"1": 2_000, "2": 8_000, "3": 0}

    def set_once(call):
        if call == "split":
            two.world.heard = lambda _: None
            two.world["splits"]["delays"] = dict(meanwhile)

    two.world.heard = set_once
    execution = await two.deploy("3")

    assert execution.status is ExecutionStatus.COMPLETED, execution.error
    assert splits(two) == [
        '{"1": 5700, "2": 3800, "3": 500}',
        '{"1": 1900, "2": 7600, "3": 500}',
        '{"1": 0, "2": 0, "3": 10000}',
    ]


@pytest.mark.parametrize(
    ("moved", "left"),
    [
        ({"1": 1_000, "2": 8_000, "3": 1_000}, {"1": 1_111, "2": 8_889, "3": 0}),
        ({"3": 10_000}, {"1": 6_000, "2": 4_000, "3": 0}),
    ],
    ids=["a share", "everything"],
)
async def test_a_split_that_is_set_in_the_middle_of_a_deployment_only_loses_the_version_that_goes(two, moved, left):
    two.world.fail("promote", 9_999, lambda: Unavailable("the registry is away"))
    pipeline = await two.pipeline(PipelineType.DEPLOYMENT_SAGA, *two.saga, name="third")
    execution = await two.trigger(pipeline, model="delays", version="3")
    async with two.working():
        await two.until(execution.id, lambda _: two.world.count("promote") > 0)
        asked = two.world.count("promote")
        await two.until(execution.id, lambda _: two.world.count("promote") > asked)
        two.world.heard = lambda call: two.world["splits"].update(delays=moved) if call == "promote" else None
        again = two.world.count("promote")
        await two.until(execution.id, lambda _: two.world.count("promote") > again)
        two.world.heard = lambda _: None
        await two.cancel(execution.id)
        ended = await two.ended(execution.id)
    assert ended.status is ExecutionStatus.CANCELLED
    assert two.world["splits"]["delays"] == left
    assert "3" not in two.live


async def test_a_version_of_an_archived_model_starts_no_runtime(service):
    service.world.add_version("delays", "1")
    service.world["archived"]["delays"] = True
    execution = await service.deploy("1")
    assert execution.error == "step 'validate': model 'delays' is archived"
    assert service.world.count("start_runtime") == 0
