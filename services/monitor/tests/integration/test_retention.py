"""Predictions end: by the day of their request id, with their monitor, and where no labels come."""

from datetime import UTC, timedelta

import pytest
from fp_kernel import Command
from fp_monitor.adapters.postgres import retention
from fp_monitor.adapters.postgres.retention import PostgresRetention
from fp_monitor.app.delete_monitor import DeleteMonitor
from fp_monitor.app.reset_baseline import ResetBaseline

HOUR = timedelta(hours=1)
DAY = 24 * HOUR.total_seconds()
NO_COMMAND = Command("alpha", "", "", b"", lambda _: b"")


async def stored(database):
    return await database.fetchval("SELECT count(*) FROM predictions")


async def watched(world):
    await world.configure()
    await world.promote()


async def test_predictions_lie_in_the_part_of_their_day_and_go_with_it(world, days, database, clock):
    await watched(world)
    await world.traffic(world.predictions(3))
    part = f"predictions_{clock.now().astimezone(UTC):%Y_%m_%d}"
    assert await database.fetchval(f"SELECT count(*) FROM {part}") == 3  # noqa: S608 -- the name of a part
    clock.advance(32 * DAY)
    assert part in await days.drop(clock.now())
    assert await stored(database) == 0


async def test_predictions_without_a_day_in_their_id_go_in_bites(world, days, database, clock, monkeypatch):
    monkeypatch.setattr(retention, "_BITE", 2)
    await watched(world)
    await world.traffic(world.predictions(3, ids=["late-1", "late-2", "late-3"]))
    clock.advance(DAY)
    await world.traffic(world.predictions(1, ids=["late-4"]))
    left = PostgresRetention(database)
    assert [await left.forget(clock.now() - HOUR) for _ in range(3)] == [2, 1, 0]
    assert await stored(database) == 1


async def test_a_label_finds_a_prediction_from_before_the_table_was_divided(world, days, database):
    await watched(world)
    predictions = world.predictions(2)
    await world.traffic(predictions)
    await database.execute(
        """
        WITH moved AS (DELETE FROM predictions RETURNING *)
        INSERT INTO predictions_before SELECT * FROM moved
        """
    )
    assert (await world.labelled(predictions[:1])).accepted == 1
    assert (await world.labelled(predictions[:1])).accepted == 0, "it was labelled"
    assert await stored(database) == 1
    assert await database.fetchval("SELECT count(*) FROM predictions_before") == 1


async def test_a_deleted_monitor_s_predictions_go_in_bites_and_those_of_a_later_one_stay(
    world, days, database, clock, monkeypatch
):
    monkeypatch.setattr(retention, "_BITE", 3)
    await watched(world)
    await world.traffic(world.predictions(10))
    await DeleteMonitor(world.transactions, PostgresRetention(database), clock)(
        "alpha", "delays", purge=False, command=NO_COMMAND
    )
    assert await stored(database) == 10, "the command does not wait for them"
    clock.advance(1)
    await watched(world)
    await world.traffic(world.predictions(2))
    left = PostgresRetention(database)
    bites = 0
    while await left.delete():
        bites += 1
    assert bites == 5
    assert await stored(database) == 2


async def test_predictions_are_kept_while_labels_come(world, days, database, clock):
    await watched(world)
    predictions = world.predictions(2)
    await world.traffic(predictions)
    clock.advance(10 * DAY)
    await days.ensure(clock.now())
    await world.labelled(predictions)
    clock.advance(10 * DAY)
    await days.ensure(clock.now())
    await world.traffic(world.predictions(3))
    assert await stored(database) == 5
    clock.advance(5 * DAY)
    await days.ensure(clock.now())
    await world.traffic(world.predictions(4))
    assert await stored(database) == 5, "no label came for 14 days"
    assert await world.samples() == 9, "they are counted all the same"
    unknown = world.predictions(1)
    assert (await world.labelled(unknown)).unmatched
    await world.traffic(unknown)
    assert await stored(database) == 6, "labels come again, so that the next ones will be found"


async def test_old_reports_go_in_bites_and_the_newest_of_a_monitor_stays(world, days, database, clock, monkeypatch):
    monkeypatch.setattr(retention, "_REPORTS", 2)
    await world.configure(duration=timedelta(), size=10)
    await world.promote()
    await world.traffic(world.predictions(40))
    clock.advance(DAY)
    left = PostgresRetention(database)
    assert [await left.forget_reports(clock.now() - 2 * HOUR * 24) for _ in range(2)] == [0, 0]
    assert [await left.forget_reports(clock.now() - HOUR) for _ in range(3)] == [2, 1, 0]
    assert [each.number for each in await world.found()] == [4]
    assert (await world.reads.overview("alpha", "delays")).latest.number == 4
    await DeleteMonitor(world.transactions, PostgresRetention(database), clock)(
        "alpha", "delays", purge=False, command=NO_COMMAND
    )
    assert await left.forget_reports(clock.now() - HOUR) == 1, "nobody refers to it any more"


async def test_the_report_that_asked_for_a_retraining_stays_while_it_is_the_last(world, days, database, clock):
    await world.configure(duration=timedelta(), size=10)
    await world.promote()
    await world.traffic(world.predictions(30))
    oldest = (await world.found())[-1]
    await database.execute("UPDATE monitors SET retrain_report_id = $1", oldest.id)
    clock.advance(DAY)
    assert await PostgresRetention(database).forget_reports(clock.now() - HOUR) == 1
    assert [each.number for each in await world.found()] == [3, 1]


async def test_baselines_of_versions_replaced_long_ago_go(world, days, database, clock):
    await world.configure()
    for version in ("1", "2", "3"):
        await world.promote(version, sequence=int(version))
        clock.advance(10 * DAY)
    left = PostgresRetention(database)
    assert await left.forget_baselines(clock.now() - 25 * HOUR * 24) == 0, "1 was replaced 20 days ago"
    assert await left.forget_baselines(clock.now() - 15 * HOUR * 24) == 1
    assert await versions(database) == ["2", "3"], "2 was replaced 10 days ago, 3 is in production"
    clock.advance(500 * DAY)
    await ResetBaseline(world.transactions, clock)("alpha", "delays", "2", NO_COMMAND)
    assert await left.forget_baselines(clock.now()) == 0, "a monitor compares with it"
    await world.promote("4", sequence=4)
    assert await left.forget_baselines(clock.now() + HOUR) == 2
    assert await versions(database) == ["4"]


async def test_a_version_that_is_served_again_keeps_its_baseline(world, days, database, clock):
    await world.configure()
    for sequence, version in enumerate(("1", "2", "1"), 1):
        await world.promote(version, sequence=sequence)
    clock.advance(DAY)
    assert await PostgresRetention(database).forget_baselines(clock.now()) == 1
    assert await versions(database) == ["1"]


async def test_a_baseline_that_is_being_chosen_is_left_for_the_next_time(world, days, database, clock):
    await world.promote("1", sequence=1)
    await world.promote("2", sequence=2)
    clock.advance(DAY)
    left = PostgresRetention(database)
    async with world.transactions() as tx:
        assert await tx.baselines.hold("alpha", "delays", "1")
        assert await left.forget_baselines(clock.now()) == 0
    assert await left.forget_baselines(clock.now()) == 1
    async with world.transactions() as tx:
        assert not await tx.baselines.hold("alpha", "delays", "1")


async def versions(database):
    rows = await database.fetch("SELECT version FROM baselines ORDER BY version")
    return [row["version"] for row in rows]


class Dying:
    """A replica that ends as soon as its command is committed."""

    async def purge(self, team, model_name):
        raise ConnectionError


async def test_purged_reports_go_in_bites_whoever_dies_and_those_of_a_later_monitor_stay(
    world, days, database, clock, monkeypatch
):
    monkeypatch.setattr(retention, "_REPORTS", 2)
    await world.configure(duration=timedelta(), size=10)
    await world.promote()
    await world.traffic(world.predictions(50))
    with pytest.raises(ConnectionError):
        await DeleteMonitor(world.transactions, Dying(), clock)("alpha", "delays", purge=True, command=NO_COMMAND)
    clock.advance(1)
    await world.configure(duration=timedelta(), size=10)
    await world.traffic(world.predictions(10))
    left, counts = PostgresRetention(database), []
    while await left.purge_any():
        counts.append(len(await world.found()))
    assert counts == [4, 2, 1]
    assert await DeleteMonitor(world.transactions, left, clock)("alpha", "delays", purge=True, command=NO_COMMAND) == 1
    assert await world.found() == []
    assert not await left.purge_any()
