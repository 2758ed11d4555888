"""Whoever follows the reports of a team."""

from dataclasses import replace
from datetime import timedelta

import pytest
from asyncpg.exceptions import UniqueViolationError
from fp_kernel import new_id


async def reported(world, model):
    """A report of one more model."""
    world.model = model
    await world.configure(duration=timedelta(), size=10)
    await world.promote()
    await world.traffic(world.predictions(10))


async def seen(world, position=0):
    return [(each.position, each.report.model_name) for each in await world.reads.following("alpha", position)]


async def test_reports_of_all_models_of_a_team_have_places_in_the_order_of_their_commits(world, days):
    assert await world.reads.position("alpha") == 0
    for model in ("delays", "fares", "delays"):
        await reported(world, model)
    assert await seen(world) == [(1, "delays"), (2, "fares"), (3, "delays")]
    assert await seen(world, position=2) == [(3, "delays")]
    assert await world.reads.position("alpha") == 3


async def test_a_report_that_is_not_committed_holds_up_no_other_and_comes_behind_it(world, days):
    await reported(world, "delays")
    (first,) = await world.found()
    later = replace(first, id=new_id(), window_id=new_id(), number=2)
    other = replace(first, id=new_id(), window_id=new_id(), monitor_id=new_id(), model_name="fares")
    async with world.transactions() as slow:
        await slow.reports.add(later)
        async with world.transactions() as quick:
            await quick.reports.add(other)
        assert await seen(world) == [(1, "delays"), (2, "fares")]
    assert await seen(world, position=2) == [(3, "delays")]


async def test_a_report_that_was_rolled_back_leaves_no_place(world, days):
    await reported(world, "delays")
    (first,) = await world.found()
    twice = replace(first, id=new_id(), number=2)
    with pytest.raises(UniqueViolationError, match="window_id"):
        async with world.transactions() as tx:
            await tx.reports.add(replace(twice, id=new_id(), window_id=new_id(), number=3))
            await tx.reports.add(twice)
    await reported(world, "fares")
    assert await seen(world) == [(1, "delays"), (2, "fares")]
