"""Inputs that break inside a window are told before it closes."""

from datetime import timedelta

import pytest
from fp_monitor.domain.metric import DriftKind, Severity


@pytest.fixture
async def watched(world, days):
    await world.configure(duration=timedelta(), size=100_000)
    await world.promote()
    await world.traffic(world.predictions(256))
    return world


def missing(predictions):
    for each in predictions:
        each.prediction.features.clear()
    return predictions


async def level(world):
    return (await world.reads.overview("alpha", "delays")).monitor.levels[DriftKind.DATA].shown


async def test_a_feature_that_breaks_is_told_within_two_blocks_and_not_when_the_window_closes(watched, database):
    for _ in range(3):
        await watched.traffic(missing(watched.predictions(256)))
    (report,) = await watched.found()
    assert (report.kind, report.severity, report.samples) == (DriftKind.DATA, Severity.CRITICAL, 256)
    assert [each.name for each in report.metrics] == ["hour:missing"]
    assert report.metrics[0].current_value == pytest.approx(1.0)
    assert await watched.samples() == 4 * 256, "the window goes on"
    assert await database.fetchval("SELECT count(*) FROM fp_outbox") == 1
    assert await level(watched) is Severity.CRITICAL
    for _ in range(2):
        await watched.traffic(watched.predictions(256))
    assert await level(watched) is Severity.OK
    assert len(await watched.found()) == 1


async def test_rows_of_few_requests_are_judged_in_blocks_of_256(watched):
    await watched.traffic(watched.predictions_of_rows(3, [float("nan")] * 200))
    (report,) = await watched.found()
    assert (report.samples, report.severity) == (256, Severity.CRITICAL)
    assert await watched.samples() == 256 + 600


async def test_a_quiet_model_is_judged_by_the_minutes_that_it_takes(watched, clock):
    for _ in range(2):
        await watched.traffic(missing(watched.predictions(40)))
        clock.advance(301)
        await watched.traffic(missing(watched.predictions(30)))
    (report,) = await watched.found()
    assert report.samples == 70


async def test_a_promotion_forgets_what_broke_before_it(watched):
    for _ in range(2):
        await watched.traffic(missing(watched.predictions(256)))
    await watched.promote("2", sequence=2)
    await watched.traffic(watched.predictions(256, version="2"))
    assert await level(watched) is Severity.OK
