"""Routes follow events, the store and the pipeline's list."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fp_inference.app.change_route import Change, ChangeRoute
from fp_inference.app.follow_deployments import FollowDeployments
from fp_inference.app.ports import Deployment, SplitMoved
from fp_inference.app.replays import Replays
from fp_inference.app.route_table import RouteTable
from fp_inference.app.set_traffic_split import SetTrafficSplit
from fp_inference.domain.routes import Split, Stable, TargetStatus
from fp_kernel import Aborted, Command, FailedPrecondition, InvalidArgument, NotFound, Replayed, Unavailable
from fp_testkit.clock import ManualClock
from inference_fakes.routes import START, FakeDeployments, FakeRuntimes, FakeStore, deployment, fresh_routes

_LATER = START + timedelta(hours=1)


class Setting:
    def __init__(self) -> None:
        self.store = FakeStore()
        self.deployments = FakeDeployments()
        self.runtimes = FakeRuntimes()
        self.table = RouteTable()
        self.follow = FollowDeployments(self.table, self.store, self.deployments)

    def restart(self) -> None:
        self.table = RouteTable()
        self.follow = FollowDeployments(self.table, self.store, self.deployments)

    @property
    def weights(self) -> dict[str, int]:
        route = self.table.find("alpha", "delays")
        return {target.version: weight for target, weight in route.weighted} if route else {}


@pytest.fixture
def setting() -> Setting:
    return Setting()


async def test_a_restart_finds_the_routes_in_the_store(setting: Setting) -> None:
    await setting.follow.deployed(deployment("1", 1))
    await setting.follow.promoted("alpha", "delays", Stable("id-1", "1", START))
    setting.restart()
    await setting.follow.start()
    route = setting.table.get("alpha", "delays")
    assert setting.weights == {"1": 10_000}
    assert route.is_stable(route.active[0])


async def test_without_the_store_routes_are_followed_all_the_same(setting: Setting) -> None:
    setting.store.away = True
    await setting.follow.start()
    await setting.follow.deployed(deployment("1", 1))
    assert setting.weights == {"1": 10_000}


async def test_without_the_store_a_restart_asks_the_pipeline(setting: Setting) -> None:
    setting.store.away = True
    setting.deployments.listed = [deployment("1", 4, weight=2_000), deployment("2", 5, weight=8_000)]
    with pytest.raises(Unavailable):
        setting.table.get("alpha", "delays")
    await setting.follow.reconcile()
    assert setting.weights == {"1": 2_000, "2": 8_000}
    with pytest.raises(NotFound):
        setting.table.get("alpha", "other")


async def test_what_the_pipeline_does_not_list_is_gone_and_stays_gone(setting: Setting) -> None:
    await setting.follow.deployed(deployment("1", 1))
    await setting.follow.deployed(deployment("2", 2, weight=0))
    setting.deployments.listed = [deployment("2", 2, weight=0)]
    await setting.follow.reconcile()
    assert setting.weights == {"2": 10_000}
    await setting.follow.deployed(deployment("1", 1))
    assert setting.weights == {"2": 10_000}
    setting.restart()
    await setting.follow.start()
    assert setting.weights == {"2": 10_000}
    await setting.follow.deployed(deployment("1", 3))
    assert "1" in setting.weights


async def test_what_was_deployed_while_the_pipeline_answered_is_kept(setting: Setting) -> None:
    new = deployment("1", 1).target
    setting.deployments.meanwhile = lambda: setting.table.change("alpha", "delays", lambda route: route.deployed(new))
    await setting.follow.reconcile()
    assert setting.weights == {"1": 10_000}


async def test_the_list_does_not_move_traffic_of_known_versions(setting: Setting) -> None:
    await setting.follow.deployed(deployment("1", 1))
    await setting.follow.deployed(deployment("2", 2, weight=0))
    setting.deployments.listed = [deployment("1", 1, weight=0), deployment("2", 2, weight=10_000)]
    await setting.follow.reconcile()
    assert setting.weights == {"1": 10_000, "2": 0}


async def test_promotion_and_archive_are_kept(setting: Setting) -> None:
    await setting.follow.deployed(deployment("1", 1))
    await setting.follow.archived("alpha", "delays", _LATER)
    setting.restart()
    await setting.follow.start()
    assert setting.table.get("alpha", "delays").active == ()


async def test_the_return_of_a_model_is_kept(setting: Setting) -> None:
    await setting.follow.deployed(deployment("1", 1))
    await setting.follow.archived("alpha", "delays", _LATER)
    await setting.follow.restored("alpha", "delays", _LATER + timedelta(seconds=1))
    setting.restart()
    await setting.follow.start()
    await setting.follow.archived("alpha", "delays", _LATER)
    assert [target.version for target in setting.table.get("alpha", "delays").active] == ["1"]


def _command(key: str = "", body: bytes = b"") -> Command:
    return Command("alpha", "SetTrafficSplit", key, body, lambda route: route.model_name.encode())


def _set_traffic_split(setting: Setting) -> SetTrafficSplit:
    clock = ManualClock()
    change = ChangeRoute(
        table=setting.table,
        fresh=fresh_routes(setting.table, clock, setting.deployments),
        store=setting.store,
        runtimes=setting.runtimes,
        clock=clock,
    )
    return SetTrafficSplit(change, Replays(setting.store, clock))


async def _two_versions(setting: Setting) -> SetTrafficSplit:
    await setting.follow.deployed(deployment("1", 1))
    await setting.follow.deployed(deployment("2", 2, weight=0))
    return _set_traffic_split(setting)


async def test_a_split_is_kept_and_reaches_other_replicas(setting: Setting) -> None:
    split = await _two_versions(setting)
    other = Setting()
    other.store = setting.store
    other.restart()
    await other.follow.start()
    route = await split(Change("alpha", "delays", "ann"), [("1", 9_000), ("2", 1_000)], _command())
    assert setting.weights == {"1": 9_000, "2": 1_000}
    assert route.split is not None
    other.follow.split("alpha", "delays", route.split)
    assert other.weights == setting.weights
    setting.restart()
    await setting.follow.start()
    assert setting.weights == {"1": 9_000, "2": 1_000}


async def test_a_split_follows_the_one_that_another_replica_set_meanwhile(setting: Setting) -> None:
    """What this replica knew would have kept the salt of the experiment before."""
    split = await _two_versions(setting)
    other = Setting()
    other.store = setting.store
    other.restart()
    await other.follow.start()
    await split(Change("alpha", "delays", "ann"), [("1", 10_000)], _command(), salt="blue")
    await other.follow.start()
    await _set_traffic_split(other)(
        Change("alpha", "delays", "bob"), [("1", 5_000), ("2", 5_000)], _command(), salt="red"
    )
    route = await split(Change("alpha", "delays", "ann"), [("1", 4_000), ("2", 6_000)], _command())
    assert route.salt == "red"


async def test_a_split_that_others_overtake_each_time_is_given_up(setting: Setting) -> None:
    split = await _two_versions(setting)

    async def overtaken(*_: Any, **__: Any) -> int:
        raise SplitMoved(Split((), 1, _LATER))

    setting.store.set_whole = overtaken  # type: ignore[method-assign]
    with pytest.raises(Aborted):
        await split(Change("alpha", "delays", "ann"), [("1", 10_000)], _command())


async def test_without_the_store_a_split_is_refused(setting: Setting) -> None:
    split = await _two_versions(setting)
    setting.store.away = True
    with pytest.raises(Unavailable):
        await split(Change("alpha", "delays", "ann"), [("2", 10_000)], _command())
    assert setting.weights == {"1": 10_000, "2": 0}


async def test_a_split_of_a_model_that_nobody_knows_yet_may_be_tried_again(setting: Setting) -> None:
    split = _set_traffic_split(setting)
    with pytest.raises(FailedPrecondition) as caught:
        await split(Change("alpha", "delays", "ann"), [("1", 10_000)], _command())
    assert caught.value.fields[0].field == "weights[0].version"
    assert caught.value.retry_after


async def test_a_split_of_a_version_that_was_just_deployed_asks_the_pipeline(setting: Setting) -> None:
    setting.deployments.listed = [deployment("1", 1)]
    await _set_traffic_split(setting)(Change("alpha", "delays", "ann"), [("1", 10_000)], _command())
    assert setting.weights == {"1": 10_000}


async def test_a_version_whose_runtime_cannot_be_reached_from_here_gets_no_traffic(setting: Setting) -> None:
    split = await _two_versions(setting)
    setting.runtimes.unreachable.add("2")
    with pytest.raises(FailedPrecondition) as caught:
        await split(Change("alpha", "delays", "ann"), [("1", 9_000), ("2", 1_000)], _command())
    assert caught.value.reason == "VERSION_NOT_READY"
    assert caught.value.retry_after
    assert setting.weights == {"1": 10_000, "2": 0}
    setting.runtimes.unreachable.clear()
    await split(Change("alpha", "delays", "ann"), [("1", 9_000), ("2", 1_000)], _command())
    assert setting.weights == {"1": 9_000, "2": 1_000}


async def test_traffic_moves_back_to_a_version_of_the_split_though_its_runtime_is_away(setting: Setting) -> None:
    split = await _two_versions(setting)
    await split(Change("alpha", "delays", "ann"), [("1", 0), ("2", 10_000)], _command())
    setting.runtimes.unreachable.add("1")
    await split(Change("alpha", "delays", "ann"), [("1", 10_000), ("2", 0)], _command())
    assert setting.weights == {"1": 10_000, "2": 0}


async def test_an_old_command_that_is_sent_again_moves_nothing(setting: Setting) -> None:
    split = await _two_versions(setting)
    await split(Change("alpha", "delays", "ann"), [("2", 10_000)], _command("first"))
    await split(Change("alpha", "delays", "ann"), [("1", 10_000)], _command("second"))
    with pytest.raises(Replayed):
        await split(Change("alpha", "delays", "ann"), [("2", 10_000)], _command("first"))
    assert setting.weights == {"1": 10_000, "2": 0}
    with pytest.raises(InvalidArgument):
        await split(Change("alpha", "delays", "ann"), [("2", 10_000)], _command("first", b"other"))


async def test_replicas_agree_whichever_event_comes_first(setting: Setting) -> None:
    removed = replace(deployment("1", 3).target, status=TargetStatus.REMOVED)
    await setting.follow.undeployed(Deployment("alpha", "delays", removed))
    await setting.follow.deployed(deployment("1", 1))
    await setting.follow.deployed(deployment("2", 2))
    assert setting.weights == {"2": 10_000}


async def test_another_team_does_not_see_the_route(setting: Setting) -> None:
    await setting.follow.deployed(deployment("1", 1))
    setting.table.settle()
    with pytest.raises(NotFound):
        setting.table.get("beta", "delays")
