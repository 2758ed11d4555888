"""A byte that is kept counts once for each calendar month."""

from datetime import UTC, datetime

import pytest
from fp_billing.app import meter_storage
from fp_billing.app.record_usage import UsageEvent
from fp_billing.domain.meters import Meter
from fp_billing.domain.periods import period_of
from fp_billing.domain.storage import ArchivedModel, RestoredModel, StoredVersion
from fp_billing.domain.usage import Usage
from fp_kernel import new_id

MARCH = datetime(2013, 3, 10, 12, tzinfo=UTC)
SIZE = 5_000


def ready(version="v1", *, model="m", at=MARCH, size=SIZE, team="alpha"):
    """A version became ready."""
    usage = Usage(Meter.STORAGE_BYTES, size, version, model_id=model, model_version="1", occurred_at=at)
    return UsageEvent(new_id(), team, (usage,), StoredVersion(version, model, "1", size, period_of(at)))


def archived(model="m", *, at=MARCH, team="alpha"):
    return UsageEvent(new_id(), team, archived=ArchivedModel(model, at))


def restored(model="m", *, at=MARCH, team="alpha"):
    return UsageEvent(new_id(), team, restored=RestoredModel(model, at))


async def stored(desk, clock, month):
    """Bytes metered for the month, told on its 20th."""
    clock.set_wall(datetime(2013, month, 20, tzinfo=UTC))
    await desk.storing()
    return await desk.used(meter=Meter.STORAGE_BYTES)


async def test_a_version_counts_for_each_month_in_which_it_is_kept(desk, clock):
    await desk.do.record_events([ready("v1"), ready("v2", size=7)], "billing-resources")
    assert [await stored(desk, clock, month) for month in (3, 3, 4, 4, 5)] == [SIZE + 7] * 5


async def test_a_model_that_is_archived_counts_for_that_month_and_none_after_it(desk, clock):
    await desk.do.record_events([ready("v1"), ready("v2", model="other", size=7)], "billing-resources")
    assert await stored(desk, clock, 4) == SIZE + 7
    await desk.do.record_events([archived(at=clock.now())], "billing-resources")
    assert [await stored(desk, clock, month) for month in (4, 5, 6)] == [SIZE + 7, 7, 7]


async def test_a_model_that_comes_back_counts_from_that_month_on_and_not_for_those_between(desk, clock):
    await desk.do.record_events([ready("v1"), ready("v2", model="other", size=7)], "billing-resources")
    await desk.do.record_events([archived()], "billing-resources")
    assert [await stored(desk, clock, month) for month in (3, 4, 5)] == [SIZE + 7, 7, 7]
    await desk.do.record_events([restored(at=datetime(2013, 6, 3, tzinfo=UTC))], "billing-resources")
    assert [await stored(desk, clock, month) for month in (6, 7)] == [SIZE + 7, SIZE + 7]


async def test_a_model_that_is_archived_for_a_moment_is_not_kept_for_nothing(desk, clock):
    await desk.do.record_events([ready()], "billing-resources")
    later = datetime(2013, 3, 11, tzinfo=UTC)
    await desk.do.record_events([archived(), restored(at=later)], "billing-resources")
    assert [await stored(desk, clock, month) for month in (3, 4)] == [SIZE, SIZE]


async def test_an_archive_that_is_published_after_the_return_of_its_model_ends_nothing(desk, clock):
    await desk.do.record_events([ready()], "billing-resources")
    await desk.do.record_events([restored(at=datetime(2013, 3, 11, tzinfo=UTC))], "billing-resources")
    await desk.do.record_events([archived()], "billing-resources")
    await desk.do.record_events([ready("v2", size=7)], "billing-resources")
    assert [await stored(desk, clock, month) for month in (3, 4)] == [SIZE + 7, SIZE + 7]


async def test_a_version_that_becomes_ready_after_its_model_was_archived_counts_once(desk, clock):
    await desk.do.record_events([archived()], "billing-resources")
    await desk.do.record_events([ready()], "billing-resources")
    assert [await stored(desk, clock, month) for month in (3, 4)] == [SIZE, 0]


async def test_months_that_were_missed_are_metered_later_up_to_the_one_of_the_archive(desk, clock):
    await desk.do.record_events([ready()], "billing-resources")
    clock.set_wall(datetime(2013, 7, 20, tzinfo=UTC))
    await desk.do.record_events([archived(at=datetime(2013, 5, 2, tzinfo=UTC))], "billing-resources")
    # April and May are past their grace by then, and count in July.
    assert await stored(desk, clock, 7) == 2 * SIZE
    assert await stored(desk, clock, 8) == 0


async def test_two_replicas_meter_a_month_once(replicas, clock):
    first, second = replicas
    await first.do.record_events([ready()], "billing-resources")
    clock.set_wall(datetime(2013, 4, 1, tzinfo=UTC))
    assert await first.storing() + await second.storing() == 1
    assert await second.used(meter=Meter.STORAGE_BYTES) == SIZE


async def test_every_team_and_version_is_metered_and_one_that_fails_holds_up_no_other(desk, clock, monkeypatch):
    monkeypatch.setattr(meter_storage, "_TEAMS", 2)
    monkeypatch.setattr(meter_storage, "_VERSIONS", 2)
    teams = [f"team {number}" for number in range(5)]
    for team in teams:
        await desk.do.record_events([ready(f"v{number}", team=team) for number in range(5)], "billing-resources")
    clock.set_wall(datetime(2013, 4, 1, tzinfo=UTC))
    await desk.side.database.execute(
        "ALTER TABLE periods ADD CONSTRAINT broken CHECK (team <> 'team 1' OR starts_at < '2013-04-01')"
    )
    await desk.storing()
    used = [await desk.used(team, meter=Meter.STORAGE_BYTES) for team in teams]
    assert used == [5 * SIZE, 0, 5 * SIZE, 5 * SIZE, 5 * SIZE]


@pytest.mark.parametrize("times", [1, 3])
async def test_an_event_that_comes_again_stores_nothing_again(desk, clock, times):
    for _ in range(times):
        await desk.do.record_events([ready()], "billing-resources")
    assert [await stored(desk, clock, month) for month in (3, 4)] == [SIZE, SIZE]
