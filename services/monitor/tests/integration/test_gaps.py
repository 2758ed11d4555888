"""Predictions that were dropped before they were read are missing in the windows that were open."""

import asyncio
from datetime import timedelta

import pytest
from fp_monitor.adapters.postgres.retention import PostgresRetention
from fp_monitor.app.note_gap import NoteGap
from fp_monitor.domain.gap import Gap
from fp_monitor.domain.metric import DriftKind, Severity

HOUR = timedelta(hours=1)
WEEK = 7 * 24 * HOUR


@pytest.fixture
def missed(world, clock):
    """Note that these messages of the last hours were dropped."""

    async def note(first, last, *, hours, known=True):
        now = clock.now()
        since = now - hours * HOUR if known else None
        await NoteGap(world.transactions, clock)(Gap("PREDICTIONS", first, last, since, now, now))

    return note


async def drift(world, clock, missed, *, hours):
    """A week with a gap in it, whose hours are all of one half of the day."""
    await world.traffic(world.predictions_of_rows(20, [0.1] * 50))
    clock.advance((WEEK / 2).total_seconds())
    await missed(10, 20, hours=hours)
    await world.traffic(world.predictions_of_rows(20, [0.1] * 50))
    clock.advance((WEEK / 2).total_seconds() + 1)
    await world.timer()


async def level(world):
    return (await world.reads.overview("alpha", "delays")).monitor


async def test_a_window_that_misses_little_of_its_time_is_judged_and_says_what_it_misses(world, clock, missed):
    await world.configure(duration=WEEK)
    await world.promote()
    for _ in range(2):
        await drift(world, clock, missed, hours=12)
    newest, before = (each for each in await world.found() if each.judged > 1_000)
    assert (newest.severity, newest.inconclusive) == (Severity.CRITICAL, False)
    assert newest.gap.end - newest.gap.start == 12 * HOUR
    assert before.gap.end <= newest.gap.start, "each window has its own gap"


async def test_a_window_that_misses_much_of_its_time_raises_nothing_and_clears_nothing(world, clock, missed, database):
    await world.configure(duration=WEEK)
    await world.promote()
    for _ in range(2):
        await drift(world, clock, missed, hours=48)
    reports = await world.found()
    assert [(each.severity, each.inconclusive) for each in reports] == [(Severity.OK, True)] * 2
    assert reports[0].metrics[0].severity is Severity.CRITICAL, "what was measured is there"
    monitor = await level(world)
    assert (monitor.judged, monitor.alarms, monitor.reports) == (False, 0, 2)
    assert DriftKind.DATA not in monitor.levels or not monitor.levels[DriftKind.DATA].bad
    assert await database.fetchval("SELECT count(*) FROM fp_outbox") == 0
    for _ in range(2):
        await drift(world, clock, missed, hours=1)
    assert (await level(world)).levels[DriftKind.DATA].severity is Severity.CRITICAL
    await drift(world, clock, missed, hours=48)
    assert (await level(world)).levels[DriftKind.DATA].severity is Severity.CRITICAL, "an alarm stays"


async def test_a_window_by_count_is_judged_whatever_time_it_misses(world, clock, missed):
    await world.configure(duration=timedelta(), size=100)
    await world.promote()
    await world.traffic(world.predictions(60))
    await missed(1, 500, hours=200, known=False)
    await world.traffic(world.predictions(40))
    await world.traffic(world.predictions(100))
    later, (report) = await world.found()
    assert (report.inconclusive, report.gap.end) == (False, clock.now())
    assert later.gap is None or later.gap == report.gap


async def test_a_gap_from_before_the_window_was_opened_is_not_its(world, clock, missed):
    await world.configure(duration=WEEK)
    await world.promote()
    await missed(1, 500, hours=200)
    clock.advance(1)
    await world.traffic(world.predictions(60))
    clock.advance(WEEK.total_seconds() + 1)
    await world.timer()
    (report,) = await world.found()
    assert (report.gap, report.inconclusive) == (None, False)


async def test_replicas_that_report_one_gap_and_its_end_store_one(world, clock, missed, replica):
    await asyncio.gather(*(missed(10, 19, hours=3) for _ in range(4)))
    clock.advance(60)
    await missed(10, 29, hours=4)
    await missed(30, 39, hours=1)
    (gap,) = await world.reads.gaps(clock.now() - WEEK, 20)
    assert (gap.first, gap.last) == (10, 39)
    assert gap.noticed_at == clock.now() - timedelta(seconds=60)
    clock.advance(WEEK.total_seconds())
    await missed(12, 14, hours=3)
    assert len(await world.reads.gaps(clock.now() - 2 * WEEK, 20)) == 2, "numbers of a stream that was made anew"


async def test_gaps_are_forgotten_with_the_reports(world, clock, missed, database):
    await missed(1, 2, hours=1)
    clock.advance(WEEK.total_seconds())
    await missed(8, 9, hours=1)
    left = PostgresRetention(database)
    assert [await left.forget_gaps(clock.now() - 24 * HOUR) for _ in range(2)] == [1, 0]
    assert [each.first for each in await world.reads.gaps(clock.now() - 2 * WEEK, 20)] == [8]
