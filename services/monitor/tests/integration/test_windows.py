"""Windows and the clock: closed by a timer of any replica, once, and not before there is enough to judge."""

import asyncio
from datetime import timedelta
from importlib import resources

import numpy as np
import pytest
from fp_monitor.adapters.json_columns import metrics_from_text, metrics_to_text
from fp_monitor.app import count_traffic
from fp_monitor.domain.metric import Method, Metric, Severity

HOUR = timedelta(hours=1)
MIGRATIONS = resources.files("fp_monitor") / "migrations"


async def test_a_window_with_too_few_events_keeps_them_for_another_while(world, clock):
    await world.configure()
    await world.promote()
    await world.traffic(world.predictions(5))
    clock.advance(HOUR.total_seconds() + 1)
    assert await world.timer() == 1
    assert await world.timer() == 0, "it has another hour"
    assert (await world.reported(), await world.samples()) == ([], 5)
    await world.traffic(world.predictions(6))
    clock.advance(HOUR.total_seconds() + 1)
    await world.timer()
    assert (await world.reported(), await world.samples()) == ([11], 0)


async def test_an_open_window_closes_by_the_clock_that_it_is_given_later(world, clock):
    await world.configure(duration=timedelta(), size=1_000)
    await world.promote()
    await world.traffic(world.predictions(20))
    await world.configure(duration=HOUR, size=0)
    clock.advance(HOUR.total_seconds() + 1)
    assert await world.timer() == 1
    assert await world.reported() == [20]


async def test_a_shorter_while_counts_from_the_opening_of_the_window(world, clock):
    await world.configure(duration=100 * HOUR)
    await world.promote()
    await world.traffic(world.predictions(20))
    clock.advance(2 * HOUR.total_seconds())
    await world.configure(duration=HOUR)
    assert await world.timer() == 1
    assert await world.reported() == [20]


async def test_a_statistic_that_is_no_number_does_not_keep_its_window_open(world, clock, database):
    metric = Metric("rmse", Method.UNSPECIFIED, float("inf"), 1.0, float("nan"), Severity.OK, 1.0)
    stored = await database.fetchval("SELECT $1::text::jsonb::text", metrics_to_text([metric]))
    (found,) = metrics_from_text(stored)
    assert np.isnan([found.score, found.current_value]).all()
    assert found.baseline_value == 1.0


async def test_timers_of_many_replicas_close_a_window_once(world, clock, replica):
    await world.configure()
    await world.promote()
    await world.traffic(world.predictions(20))
    clock.advance(HOUR.total_seconds() + 1)
    await asyncio.gather(*(replica().timer() for _ in range(4)))
    assert await world.reported() == [20]


async def test_concurrent_batches_and_repeated_ones_are_counted_once(world, replica):
    await world.configure(duration=timedelta(), size=100)
    await world.promote()
    batches = [world.predictions(30) for _ in range(10)]
    replicas = [replica().traffic for _ in range(2)]
    await asyncio.gather(*(replicas[place % 2](batch) for place, batch in enumerate([*batches, *batches])))
    assert (await world.reported(), await world.samples()) == ([100] * 3, 0)


async def test_a_request_of_many_rows_counts_as_many(world):
    await world.configure(duration=timedelta(), size=100)
    await world.promote()
    predictions = world.predictions_of_rows(3, [0.1] * 60)
    await world.traffic(predictions)
    await world.traffic(predictions)
    assert (await world.reported(), await world.samples()) == ([100], 80)
    (report,) = await world.found()
    assert [each.current_value for each in report.metrics] == [1.0] * 3, "all of these hours lie below a half"


async def test_rows_beyond_a_part_are_counted_in_the_next_one(world, monkeypatch):
    monkeypatch.setattr(count_traffic, "_ROWS", 50)
    await world.configure(duration=timedelta(), size=100)
    await world.promote()
    await world.traffic([*world.predictions_of_rows(2, [0.1, 0.9] * 20), *world.predictions(7)])
    assert await world.samples() == 87


@pytest.mark.parametrize("_", range(5))
async def test_a_baseline_and_a_monitor_that_come_at_the_same_time_find_each_other(world, _):
    await asyncio.gather(world.configure(), world.promote())
    overview = await world.reads.overview("alpha", "delays")
    assert overview is not None
    assert overview.monitor.baseline == "1"


async def test_a_paused_monitor_keeps_predictions_and_counts_none(world):
    await world.configure(enabled=False)
    await world.promote()
    await world.traffic(world.predictions(20))
    assert await world.samples() == 0
    await world.configure(enabled=True)
    await world.traffic(world.predictions(3))
    assert await world.samples() == 3


async def test_a_late_promotion_does_not_take_the_place_of_a_newer_one(world):
    await world.configure()
    await world.promote("2", sequence=7)
    await world.promote("1", sequence=3)
    overview = await world.reads.overview("alpha", "delays")
    assert overview is not None
    assert (overview.monitor.served, overview.monitor.baseline) == ("2", "2")


async def test_a_new_baseline_forgets_how_far_the_labels_of_the_old_one_went(world, clock):
    await world.configure()
    await world.promote()
    predictions = world.predictions(1)
    await world.traffic(predictions)
    await world.labelled(predictions)
    assert (await world.reads.overview("alpha", "delays")).monitor.newest_label == clock.now()
    await world.promote("2", sequence=2)
    assert (await world.reads.overview("alpha", "delays")).monitor.newest_label is None
