"""What inference recorded is compared with what was billed, and the difference must be 0."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from fp_billing.adapters.postgres.reconciliation import PostgresBooks
from fp_billing.app.reconcile import Reconcile
from fp_billing.app.record_usage import UsageEvent
from fp_billing.domain.meters import Meter
from fp_billing.domain.reconciliation import Reconciliation
from fp_billing.domain.usage import Usage
from fp_kernel import PageRequest, new_id

DAY = date(2013, 3, 10)
NOON = datetime(2013, 3, 10, 12, tzinfo=UTC)
OVER = datetime(2013, 3, 11, 1, 30, tzinfo=UTC)


def predictions(*sources, rows=1, team="alpha", at=NOON):
    usages = tuple(Usage(Meter.INFERENCE_REQUEST, rows, source, occurred_at=at) for source in sources)
    return UsageEvent(new_id(), team, usages, reconciled=True)


def count(recorded, *, unrecorded=0, team="alpha", day=DAY):
    found = Reconciliation(team, day, Meter.INFERENCE_REQUEST, recorded=recorded, unrecorded=unrecorded)
    return UsageEvent(new_id(), team, counted=(found,))


async def take(desk, *events):
    return await desk.do.record_events(events, "billing")


async def report(desk, *, team="alpha", unsettled_only=False, page=None):
    start, end = DAY - timedelta(days=30), DAY + timedelta(days=30)
    return await desk.read.reconciliation(team, start, end, page or PageRequest(100), unsettled_only=unsettled_only)


@pytest.fixture
def observed():
    return []


@pytest.fixture
def reconcile(side, clock, observed):
    return Reconcile(
        PostgresBooks(side.database), side.reads, clock, retained=timedelta(days=400), observe=observed.append
    )


async def test_all_that_was_recorded_is_billed_or_known_from_before(desk, clock, reconcile, observed):
    await take(desk, predictions("a", "b", rows=3), predictions("a", rows=3), count(9, unrecorded=4))
    ((found,), _) = await report(desk)
    assert (found.recorded, found.billed, found.repeated, found.difference) == (9, 6, 3, 0)
    assert (found.unrecorded, found.settled) == (4, False)
    clock.set_wall(OVER)
    await reconcile()
    assert (await report(desk, unsettled_only=True))[0] == []
    assert observed == [0]


async def test_a_batch_that_was_lost_is_reported_until_it_comes(desk, clock, reconcile, observed, caplog):
    lost = predictions("b", "c")
    await take(desk, predictions("a"), count(3))
    clock.set_wall(OVER)
    await reconcile()
    await reconcile()
    ((found,), _) = await report(desk, unsettled_only=True)
    assert found.difference == 2
    lines = [each for each in caplog.records if each.getMessage().startswith("usage that inference recorded")]
    assert len(lines) == 1
    await take(desk, lost)
    await reconcile()
    assert observed == [1, 1, 0]


async def test_a_day_is_reported_when_it_is_over_and_not_before(desk, clock, reconcile, observed):
    await take(desk, predictions("a"))
    clock.set_wall(OVER - timedelta(minutes=31))
    await reconcile()
    clock.set_wall(OVER)
    await reconcile()
    assert observed == [0, 1]


async def test_a_settled_day_is_open_again_when_more_comes(desk, clock, reconcile, observed):
    await take(desk, predictions("a"), count(1))
    clock.set_wall(OVER)
    await reconcile()
    await take(desk, predictions("late"))
    await reconcile()
    await take(desk, count(1))
    await reconcile()
    assert observed == [0, 1, 0]


async def test_late_usage_is_compared_by_the_day_of_its_answer_wherever_it_is_billed(desk, clock):
    clock.set_wall(datetime(2013, 5, 20, tzinfo=UTC))
    await take(desk, predictions("a"), count(1))
    ((found,), _) = await report(desk)
    assert (found.day, found.difference) == (DAY, 0)


async def test_usage_that_callers_record_is_no_part_of_it(desk):
    await desk.use(5)
    await take(desk, replace(predictions("a"), reconciled=False))
    assert (await report(desk))[0] == []


async def test_a_message_that_comes_twice_counts_once_on_both_sides(replicas):
    first, second = replicas
    messages = [
        predictions("a", "b"),
        predictions("b", "c"),
        count(4),
        count(2, team="beta"),
        predictions("a", "b", team="beta"),
    ]
    await asyncio.gather(*(take(each, *messages) for each in (first, second, first, second)))
    for team in ("alpha", "beta"):
        ((found,), _) = await report(second, team=team)
        assert found.difference == 0


async def test_the_report_is_paged_newest_day_first(desk):
    days = [DAY - timedelta(days=n) for n in range(5)]
    await take(desk, *(count(1, day=day) for day in days))
    pages, page = [], PageRequest(2)
    while True:
        found, after = await report(desk, page=page)
        pages.append([each.day for each in found])
        if not after:
            break
        page = PageRequest(2, (after,))
    assert pages == [days[:2], days[2:4], days[4:]]


async def test_comparisons_go_when_they_are_past_retention(desk, clock, reconcile):
    await take(desk, count(1), count(1, day=DAY - timedelta(days=10)))
    clock.set_wall(NOON + timedelta(days=395))
    await reconcile()
    assert Counter(each.day for each in (await report(desk))[0]) == {DAY: 1}
