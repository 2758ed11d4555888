"""A replica asks the pipeline before it refuses for want of a version."""

import asyncio

import pytest
from fp_inference.app.follow_deployments import FollowDeployments
from fp_inference.app.fresh_routes import FreshRoutes
from fp_inference.app.route_table import RouteTable
from fp_inference.domain.routes import Route
from fp_inference.domain.shares import Share, Split
from fp_kernel import NotFound, Unavailable
from fp_testkit.clock import ManualClock
from fp_testkit.patience import PATIENCE
from inference_fakes.routes import START, FakeDeployments, FakeStore, deployment, set_split


class Setting:
    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.table = RouteTable()
        self.table.settle()
        self.deployments = FakeDeployments()
        self.store = FakeStore()
        follow = FollowDeployments(self.table, self.store, self.deployments)
        self.fresh = FreshRoutes(self.table, follow, self.deployments, clock, retry=0.01)

    async def get(self, model: str = "delays", team: str = "alpha") -> Route:
        return await self.fresh.read(team, model, lambda: self.table.get(team, model))


@pytest.fixture
def setting(clock: ManualClock) -> Setting:
    return Setting(clock)


async def test_what_is_known_is_answered_without_a_question(setting: Setting) -> None:
    setting.deployments.listed = [deployment("1", 1)]
    await setting.get()
    await setting.get()
    assert setting.deployments.asked == ["delays"]


async def test_all_who_wait_for_a_model_share_one_question(setting: Setting) -> None:
    setting.deployments.gate.clear()
    setting.deployments.listed = [deployment("1", 1)]
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(setting.get()) for _ in range(10)]
        while not setting.deployments.asked:
            await asyncio.sleep(0)
        setting.deployments.gate.set()
    assert {each.result().model_name for each in asking} == {"delays"}
    assert setting.deployments.asked == ["delays"]


async def test_a_model_that_was_not_there_is_asked_for_anew(setting: Setting) -> None:
    with pytest.raises(NotFound):
        await setting.get()
    setting.deployments.listed = [deployment("1", 1)]
    assert (await setting.get()).present


async def test_the_pipeline_is_asked_for_so_many_unknown_names_of_a_team(setting: Setting) -> None:
    for number in range(100):
        with pytest.raises(NotFound):
            await setting.get(f"none-{number}")
    assert len(setting.deployments.asked) == 20
    setting.deployments.listed = [deployment("1", 1, team="beta")]
    assert (await setting.get(team="beta")).present
    setting.clock.advance(1.0)
    setting.deployments.listed = [deployment("1", 1)]
    assert (await setting.get()).present


async def test_while_the_pipeline_is_away_what_is_known_counts(setting: Setting) -> None:
    setting.deployments.error = Unavailable("away")
    with pytest.raises(NotFound):
        await setting.get()


async def test_a_version_that_only_a_split_names_is_found_once_the_pipeline_answers(setting: Setting) -> None:
    setting.deployments.listed = [deployment("1", 1)]
    await setting.get()
    setting.deployments.listed.append(deployment("2", 2, weight=0))
    setting.deployments.error = Unavailable("away")
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        completing = group.create_task(setting.fresh.complete_always())
        setting.fresh.split("alpha", "delays", Split((Share("id-2", 2, 10_000),), 1, START))
        while len(setting.deployments.asked) < 2:
            await asyncio.sleep(0)
        setting.deployments.error = None
        setting.clock.advance(10.0)
        while setting.table.get("alpha", "delays").names_unknown:
            await asyncio.sleep(0.01)
        completing.cancel()
    (one, two) = setting.table.get("alpha", "delays").weighted
    assert (one[1], two[1]) == (0, 10_000)


async def test_a_stored_split_that_names_an_unknown_version_is_completed_too(setting: Setting) -> None:
    setting.deployments.listed = [deployment("1", 1)]
    await set_split(setting.store, "alpha", "delays", (Share("id-1", 1, 10_000),), START, by="ann")
    await setting.fresh.recall()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        completing = group.create_task(setting.fresh.complete_always())
        while not setting.table.is_deployed("alpha", "delays"):
            await asyncio.sleep(0.01)
        completing.cancel()
