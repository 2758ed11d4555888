"""A promotion is taken back beside an operator who divides the traffic himself."""

from dataclasses import replace

import pytest
from fp_kernel import Unavailable
from fp_pipeline.domain.promotion import PromotionState
from pipeline_fakes.promoted import Promotions

AN_HOUR = 3_600.0


@pytest.fixture
def promotions(service):
    service.policy = replace(service.policy, keep_warm=AN_HOUR)
    return Promotions(service)


async def test_a_split_that_an_operator_set_while_the_registry_is_away_is_kept(promotions, service):
    service.world["splits"]["delays"] = {"1": 3_000, "2": 7_000}
    await promotions.promoted("1", "2", keep_warm_seconds=AN_HOUR)
    service.world["splits"]["delays"] = {"1": 3_000, "2": 7_000}
    assert (await promotions.promoted("3")).before == {"1": 3_000, "2": 7_000}
    service.world.fail("roll_back", 2, lambda: Unavailable("the registry is away"))
    await promotions.ask()
    assert promotions.split == {"1": 3_000, "2": 7_000, "3": 0}
    of_operator = service.world["splits"]["delays"] = {"1": 10_000, "2": 0, "3": 0}
    # As inference does after a day.
    service.world["keys"].clear()

    await promotions.watch.once()
    assert promotions.split == of_operator
    await promotions.watch.once()
    assert (await promotions.found()).state is PromotionState.ROLLED_BACK
    assert promotions.split == of_operator


async def test_a_rollback_takes_no_split_back_that_somebody_sets_in_between(promotions, service, monkeypatch):
    await promotions.promoted("1", "2")
    traffic, of_operator = promotions.roll_back._traffic, {"1": 4_000, "2": 6_000}
    shares = traffic.shares

    async def overtaken(actor, model_name):
        found = await shares(actor, model_name)
        service.world["splits"]["delays"] = of_operator
        return found

    monkeypatch.setattr(traffic, "shares", overtaken)
    assert (await promotions.ask()).state is PromotionState.ROLLING_BACK
    assert promotions.split == of_operator
    monkeypatch.undo()
    await promotions.watch.once()
    assert promotions.split == {"1": 10_000, "2": 0}, "the promoted runtime is to end"
