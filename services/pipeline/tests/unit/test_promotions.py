"""A promotion can be taken back while the version before is warm: when someone asks, or by its objective."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from fp_kernel import FailedPrecondition, NotFound, Unavailable
from fp_pipeline.domain.promotion import PromotionState
from fp_pipeline.domain.traffic import Split
from fp_testkit.patience import PATIENCE
from pipeline_fakes.promoted import Promotions

AN_HOUR = 3_600.0


@pytest.fixture
def promotions(service):
    service.policy = replace(service.policy, keep_warm=AN_HOUR)
    return Promotions(service)


async def test_the_version_before_stays_warm_without_traffic_and_goes_when_its_time_is_over(promotions, service):
    promotion = await promotions.promoted("1", "2")
    assert service.live == {"1": 0, "2": 10_000}
    assert (promotion.version, promotion.before, promotion.state) == ("2", {"1": 10_000}, PromotionState.WATCHED)
    assert "model.undeployed" not in service.events
    promotions.clock.advance(AN_HOUR - 1)
    await promotions.watch.once()
    assert service.live == {"1": 0, "2": 10_000}
    promotions.clock.advance(1)
    await promotions.watch.once()
    assert service.live == {"2": 10_000}
    assert service.events[-1] == "model.undeployed"
    assert (await promotions.found()).state is PromotionState.OVER
    assert [each.state for each in promotions.ends] == [PromotionState.OVER]
    assert service.stores.state.turns == {}


async def test_a_stage_that_the_registry_will_never_move_holds_up_no_rollback(promotions, service):
    await promotions.promoted("1", "2")
    service.world["versions"].pop("delays-2")
    rolled_back = await promotions.ask()
    assert rolled_back.state is PromotionState.ROLLED_BACK
    assert promotions.split == {"1": 10_000, "2": 0}
    assert service.live == {"1": 10_000}
    assert service.stores.state.turns == {}


async def test_a_rollback_moves_the_traffic_and_then_the_stage_and_ends_the_promoted_runtime(promotions, service):
    await promotions.promoted("1", "2")
    service.world.calls.clear()
    rolled_back = await promotions.ask()
    assert rolled_back.state is PromotionState.ROLLED_BACK
    assert promotions.split == {"1": 10_000, "2": 0}
    assert service.live == {"1": 10_000}
    assert service.world.production("delays") == "delays-1"
    assert service.world.calls == [
        "shares delays",
        'split delays {"1": 10000, "2": 0}',
        "settled delays-2",
        "roll_back model-delays",
    ], "traffic comes first, and no runtime is started or waited for"
    assert service.stores.state.turns == {}


async def test_a_rollback_returns_to_the_split_of_before_the_canary(promotions, service):
    await promotions.promoted("1", "2", keep_warm_seconds=AN_HOUR)
    service.world["splits"]["delays"] = {"1": 3_000, "2": 7_000}
    promotion = await promotions.promoted("3")
    assert promotion.before == {"1": 3_000, "2": 7_000}
    assert service.live == {"1": 0, "2": 0, "3": 10_000}
    await promotions.ask()
    assert service.live == {"1": 3_000, "2": 7_000}


async def test_only_the_versions_that_had_traffic_stay_warm(promotions, service):
    await promotions.promoted("1", "2", "3")
    assert service.live == {"2": 0, "3": 10_000}


async def test_a_step_says_for_how_long_and_nothing_is_watched_without_a_time(promotions, service):
    assert await promotions.promoted("1", "2", keep_warm_seconds=0) is None
    assert service.live == {"2": 10_000}
    with pytest.raises(NotFound):
        await promotions.ask()
    promotion = await promotions.promoted("3", keep_warm_seconds=60)
    assert promotion.warm_until - promotion.promoted_at == timedelta(seconds=60)
    assert await promotions.promoted("4", keep_warm_seconds=0) == replace(
        promotion, state=PromotionState.OVER, ended_at=(await promotions.found()).ended_at
    )


async def test_what_cannot_be_taken_back_is_refused_with_what_to_do(promotions, service):
    await promotions.promoted("1", "2")
    turn = service.stores.state.turns
    turn["alpha", "delays"] = "another"
    with pytest.raises(FailedPrecondition, match="execution another deploys 'delays' now"):
        await promotions.ask()
    promotions.clock.advance(AN_HOUR)
    await promotions.watch.once()
    assert service.live == {"1": 0, "2": 10_000}, "a deployment that is under way counts with the warm version"
    turn.clear()
    await promotions.watch.once()
    with pytest.raises(FailedPrecondition, match="no version of 'delays' is kept warm any more"):
        await promotions.ask()


async def test_a_peer_that_is_away_delays_a_rollback_and_does_not_lose_it(promotions, service):
    await promotions.promoted("1", "2")
    service.world.fail("split", 1, lambda: Unavailable("inference is away"))
    assert (await promotions.ask()).state is PromotionState.ROLLING_BACK
    again = await promotions.ask("the same again")
    assert (again.state, again.reason) == (PromotionState.ROLLED_BACK, "worse")
    assert service.live == {"1": 10_000}


async def test_a_replica_goes_on_with_a_rollback_that_another_one_decided(promotions, service):
    await promotions.promoted("1", "2")
    service.world.fail("roll_back", 1, lambda: Unavailable("the registry is away"))
    assert (await promotions.ask()).state is PromotionState.ROLLING_BACK
    assert promotions.split == {"1": 10_000, "2": 0}
    await promotions.watch.once()
    assert service.world.production("delays") == "delays-1"
    assert service.live == {"1": 10_000}


async def test_a_deployment_waits_for_a_rollback_that_is_under_way(promotions, service):
    await promotions.promoted("1", "2")
    service.world.fail("split", 1, lambda: Unavailable("inference is away"))
    await promotions.ask()
    held = service.stores.state.turns["alpha", "delays"]
    assert held == (await promotions.found()).execution_id


async def test_a_rollback_of_a_model_that_was_archived_meanwhile_ends_and_leaves_the_turn_to_others(
    promotions, service
):
    await promotions.promoted("1", "2")
    service.world.fail("split", 1, lambda: Unavailable("inference is away"))
    await promotions.ask()
    for another in ({"model_id": "model-of-before"}, {"ago": 1.0}):
        await promotions.archive(**another)
        assert (await promotions.found()).state is PromotionState.ROLLING_BACK
    assert service.stores.state.turns != {}
    await promotions.archive()
    ended = await promotions.found()
    assert (ended.state, ended.ended_at) == (PromotionState.OVER, promotions.clock.now())
    assert service.stores.state.turns == {}
    service.world.calls.clear()
    await promotions.watch.once()
    assert service.world.calls == [], "nobody is asked to move traffic that has nowhere to go"


async def test_a_promotion_is_locked_before_deployments_so_that_no_two_wait_for_each_other(
    promotions, service, monkeypatch
):
    stores, taken = service.stores, []

    def noted(store, name):
        method = getattr(store, name)

        async def call(*arguments):
            taken.append(name)
            return await method(*arguments)

        monkeypatch.setattr(store, name, call)

    noted(stores.promotions, "lock")
    noted(stores.deployments, "others")
    await promotions.promoted("1", "2")
    assert taken == ["lock", "others"] * 2
    taken.clear()
    await promotions.ask()
    assert taken == ["lock", "others", "lock"]
    taken.clear()
    await promotions.archive()
    assert taken == ["lock", "others"]


async def test_a_version_that_an_operator_gave_traffic_again_is_not_stopped(promotions, service):
    await promotions.promoted("1", "2")
    service.world["splits"]["delays"] = {"1": 5_000, "2": 5_000}
    promotions.clock.advance(AN_HOUR)
    await promotions.watch.once()
    assert set(service.live) == {"1", "2"}
    service.world["splits"]["delays"] = {"2": 10_000}
    await promotions.watch.once()
    assert set(service.live) == {"1", "2"}, "inference is not asked each second for as long as somebody uses it"
    promotions.clock.advance(60)
    await promotions.watch.once()
    assert set(service.live) == {"2"}


async def test_promotions_of_one_moment_are_all_looked_at(promotions, service):
    first = await promotions.promoted("1", "2")
    of_one_moment = [replace(first, model_name=f"m{number}") for number in range(450)]
    service.stores.state.promotions |= {each.place: each for each in of_one_moment}
    looked = []

    async def shares(actor, model_name):
        looked.append(model_name)
        return Split(first.before, 1)

    promotions.watch._traffic.shares = shares
    promotions.clock.advance(AN_HOUR)
    await promotions.watch.once()
    assert sorted(looked) == sorted(["delays", *(each.model_name for each in of_one_moment)])


async def test_a_peer_that_hangs_for_one_model_keeps_no_other_one_waiting(promotions, service):
    first = await promotions.promoted("1", "2")
    older = replace(first, model_name="a", promoted_at=first.promoted_at - timedelta(1))
    service.stores.state.promotions["alpha", "a"] = older
    shares, closed = promotions.watch._traffic.shares, asyncio.Event()

    async def slow(actor, model_name):
        if model_name == "a":
            await closed.wait()
            return Split(first.before, 1)
        return await shares(actor, model_name)

    promotions.watch._traffic.shares = slow
    promotions.watch._ended = lambda _: closed.set()
    promotions.clock.advance(AN_HOUR)
    async with asyncio.timeout(PATIENCE):
        await promotions.watch.once()
    assert service.live == {"2": 10_000}


async def test_more_errors_than_the_version_before_take_a_promotion_back(promotions, service):
    await promotions.promoted("1", "2")
    await promotions.served("1", "ANSWERED", 190, ago=120)
    await promotions.served("1", "TIMEOUT", 10, ago=120)
    await promotions.served("2", "ANSWERED", 182)
    await promotions.served("2", "TIMEOUT", 18)
    await promotions.watch.once()
    assert service.live == {"1": 0, "2": 10_000}, "9 percent, where the version before had 5 and 5 more are allowed"
    await promotions.served("2", "MODEL_ERROR", 10)
    await promotions.watch.once()
    assert service.live == {"1": 10_000}
    ended = await promotions.found()
    assert (ended.state, ended.ended_by) == (PromotionState.ROLLED_BACK, "")
    assert ended.reason.startswith("28 of 210 requests failed, of the version before 10 of 200")
    undeployed = service.stores.events[-1]
    assert (undeployed.payload.reason, undeployed.severity.name) == ("objective", "ERROR")
    assert "28 of 210 requests failed" in undeployed.summary


async def test_a_version_that_answers_nothing_is_taken_back_before_there_are_enough_samples(promotions, service):
    await promotions.promoted("1", "2")
    await promotions.served("2", "UPSTREAM_UNAVAILABLE", 6)
    await promotions.watch.once()
    assert service.live == {"1": 10_000}


async def test_a_slower_version_is_taken_back_where_the_step_asks_for_it(promotions, service):
    await promotions.promoted("1", "2", max_latency_ratio=2, min_samples=50)
    await promotions.served("1", "ANSWERED", 50, latency_ms=10, ago=120)
    await promotions.served("2", "ANSWERED", 49, latency_ms=40)
    await promotions.watch.once()
    assert service.live == {"1": 0, "2": 10_000}
    await promotions.served("2", "ANSWERED", 1, latency_ms=41)
    await promotions.watch.once()
    assert service.live == {"1": 10_000}
    assert "more than 2 times the 10" in (await promotions.found()).reason


async def test_failures_before_the_newest_minutes_count_no_more(promotions, service):
    await promotions.promoted("1", "2")
    await promotions.served("2", "TIMEOUT", 100)
    promotions.clock.advance(600)
    await promotions.watch.once()
    assert service.live == {"1": 0, "2": 10_000}


async def test_a_model_whose_peer_is_away_keeps_no_other_one_waiting(promotions, service):
    await promotions.promoted("1", "2")
    first = await promotions.found()
    broken = replace(
        first, model_name="a", state=PromotionState.ROLLING_BACK, promoted_at=first.promoted_at - timedelta(1)
    )
    service.stores.state.promotions["alpha", "a"] = broken
    service.world.fail("split", 1, lambda: Unavailable("inference is away"))
    promotions.clock.advance(AN_HOUR)
    await promotions.watch.once()
    assert service.live == {"2": 10_000}
