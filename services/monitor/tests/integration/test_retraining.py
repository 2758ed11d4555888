"""Requests for a retraining and their answers, where models share a pipeline and pipelines are away."""

from datetime import timedelta

import pytest
from fp_kernel import new_id
from fp_monitor.app.follow_retraining import FollowRetraining, RetrainingEvent

PIPELINE = "018f0000-0000-7000-8000-0000000000bb"


async def losing(world, model):
    """A model that has lost its performance, and whose report asks for a new one."""
    profile = type(world.profile).FromString(world.profile.SerializeToString())
    profile.metrics["rmse"] = 0.1
    world.model = model
    await world.configure(duration=timedelta(), size=40, auto_retrain=True, retrain_pipeline_id=PIPELINE)
    await world.promote(profile=profile)
    await critical(world, model)


async def critical(world, model):
    world.model = model
    predictions = world.predictions(40, score=5.0)
    await world.traffic(predictions)
    await world.labelled(predictions)


@pytest.fixture
def follow(world):
    async def heard(*, report="", execution="", failed=False):
        await FollowRetraining(world.transactions, consumer="monitor-retrainings")(
            RetrainingEvent(new_id(), "alpha", PIPELINE, execution, report, world.clock.now(), failed)
        )

    return heard


async def retraining(world, model):
    return (await world.reads.overview("alpha", model)).monitor.retraining


async def test_a_retraining_answers_the_report_that_asked_and_no_other_model(world, days, follow):
    await losing(world, "delays")
    await losing(world, "fares")
    first = (await retraining(world, "delays")).report_id
    await follow(report=first, execution="e1")
    assert (await retraining(world, "delays")).started_at is not None
    assert (await retraining(world, "fares")).started_at is None
    await follow(execution="e1", failed=True)
    assert (await retraining(world, "delays")).requested_at is None
    assert (await retraining(world, "fares")).requested_at is not None


async def test_a_run_by_hand_counts_for_the_only_model_of_its_pipeline(world, days, follow):
    await losing(world, "delays")
    await follow(execution="e1")
    assert (await retraining(world, "delays")).started_at is not None
    await losing(world, "fares")
    await follow(execution="e2")
    assert (await retraining(world, "fares")).started_at is None, "it may be that of the other"


async def test_the_failure_of_another_run_ends_no_cooldown(world, days, follow):
    await losing(world, "delays")
    await follow(report=(await retraining(world, "delays")).report_id, execution="e1")
    await follow(execution="e0", failed=True)
    assert (await retraining(world, "delays")).started_at is not None


async def test_while_the_pipeline_is_away_one_report_asks_however_often(world, days, clock):
    await losing(world, "delays")
    first = (await retraining(world, "delays")).report_id
    for _ in range(4):
        clock.advance(120)
        await critical(world, "delays")
    asked = [each.id for each in await world.found() if each.retrains]
    assert asked == [first]
    assert (await retraining(world, "delays")).report_id == first
    predictions = await world.requested_retrainings()
    assert predictions == [first] * 5, "told again each time, and known to whoever heard it"
