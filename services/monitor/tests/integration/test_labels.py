"""Labels: rows of open windows wait for their verdict, bounded in number, each version for its own."""

from datetime import timedelta

import pytest
from fp_monitor.domain import window
from fp_monitor.domain.metric import DriftKind, Severity

HOUR = timedelta(hours=1)


@pytest.fixture
def few(monkeypatch):
    """A window keeps eight labelled rows."""
    monkeypatch.setattr(window, "MOST_JUDGED", 8)


async def labelling(world, size):
    await world.configure(duration=timedelta(), size=size, min_samples=2)
    await world.promote()


async def judged(world):
    return [
        (each.version, each.samples, each.judged)
        for each in reversed(await world.found())
        if each.kind is DriftKind.PERFORMANCE
    ]


async def test_labelled_rows_of_an_open_window_outlive_their_predictions(world, days, database, clock):
    await labelling(world, 20)
    predictions = world.predictions(15, score=1.0)
    await world.traffic(predictions)
    await world.labelled(predictions)
    clock.advance(40 * 24 * HOUR.total_seconds())
    await days.drop(clock.now())
    await days.ensure(clock.now())
    assert await database.fetchval("SELECT count(*) FROM predictions") == 0
    assert (await world.labelled(predictions[:1])).unmatched
    late = world.predictions(5, score=1.0)
    await world.traffic(late)
    await world.labelled(late)
    assert await judged(world) == [("1", 20, 20)]
    assert await database.fetchval("SELECT count(*) FROM outcomes") == 0


async def test_without_enough_rows_that_can_be_judged_there_is_no_verdict(world, days):
    await labelling(world, 5)
    predictions = [*world.predictions(4), *world.predictions(1, score=1.0)]
    await world.traffic(predictions)
    await world.labelled(predictions)
    assert await judged(world) == [], "one row with a score is less than two"
    overview = await world.reads.overview("alpha", "delays")
    assert DriftKind.PERFORMANCE not in overview.monitor.levels


async def test_a_report_says_how_many_rows_were_judged(world, days):
    await labelling(world, 5)
    predictions = [*world.predictions(2), *world.predictions(3, score=1.0)]
    await world.traffic(predictions)
    await world.labelled(predictions)
    assert await judged(world) == [("1", 5, 3)]


async def test_a_large_window_keeps_every_so_many_labels_from_end_to_end(world, days, database, few):
    await labelling(world, 100)
    for _ in range(11):
        predictions = world.predictions(9, score=1.0)
        await world.traffic(predictions)
        await world.labelled(predictions)
        assert await database.fetchval("SELECT count(*) FROM outcomes") <= 8
    stored = await database.fetch("SELECT place FROM outcomes ORDER BY place")
    assert [row["place"] for row in stored] == list(range(0, 99, 16))
    last = world.predictions(1, score=1.0)
    await world.traffic(last)
    await world.labelled(last)
    assert await judged(world) == [("1", 100, 7)]


async def test_late_labels_are_judged_for_the_version_that_made_the_predictions(world, days):
    await labelling(world, 6)
    predictions = world.predictions(6, score=1.0)
    await world.traffic(predictions)
    await world.labelled(predictions[:3])
    await world.promote("2", sequence=2)
    newer = world.predictions(6, version="2", score=1.0)
    await world.traffic(newer)
    await world.labelled([*newer[:5], *predictions[3:]])
    assert await judged(world) == [("1", 6, 6)]
    overview = await world.reads.overview("alpha", "delays")
    assert DriftKind.PERFORMANCE not in overview.monitor.levels, "the version that is served now has no verdict by that"
    await world.labelled(newer[5:])
    assert await judged(world) == [("1", 6, 6), ("2", 6, 6)]


async def test_lost_performance_of_a_version_that_is_gone_is_told_and_retrains_nothing(world, days, database):
    profile = type(world.profile).FromString(world.profile.SerializeToString())
    profile.metrics["rmse"] = 0.1
    pipeline = "018f0000-0000-7000-8000-0000000000bb"
    await world.configure(duration=timedelta(), size=40, auto_retrain=True, retrain_pipeline_id=pipeline)
    await world.promote(profile=profile)
    predictions = world.predictions(40, score=5.0)
    await world.traffic(predictions)
    await world.promote("2", sequence=2, profile=profile)
    await world.labelled(predictions)
    (report,) = [each for each in await world.found() if each.kind is DriftKind.PERFORMANCE]
    assert (report.severity, report.version, report.retrains) == (Severity.CRITICAL, "1", False)
    overview = await world.reads.overview("alpha", "delays")
    assert overview.monitor.severity is Severity.OK, "what is served has lost nothing"
    assert await database.fetchval("SELECT count(*) FROM fp_outbox") == 1


async def test_the_window_of_a_version_that_is_gone_closes_when_its_labels_are_over(world, days, database, clock):
    await labelling(world, 100)
    predictions = world.predictions(6, score=1.0)
    await world.traffic(predictions)
    await world.labelled(predictions[:5])
    await world.promote("2", sequence=2)
    clock.advance(29 * 24 * HOUR.total_seconds())
    assert await world.timer() == 0
    clock.advance(24 * HOUR.total_seconds())
    assert await world.timer() == 1
    assert await judged(world) == [("1", 5, 5)]
    assert await database.fetchval("SELECT count(*) FROM windows") == 0
