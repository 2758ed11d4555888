"""The months of points."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

from fp_experiment.adapters.postgres.partitions import Partitions, lowest_id, month
from fp_kernel.ids import uuid7

_PLAN = "EXPLAIN SELECT * FROM metric_points WHERE run_id = '{}'::uuid AND key = 'loss' ORDER BY key, step LIMIT 10"


async def test_months_are_made_ahead_once_whoever_makes_them(database):
    now = datetime(2031, 11, 30, 23, 59, tzinfo=UTC)
    made = await asyncio.gather(*(Partitions(database).ensure(now) for _ in range(3)))
    names = [f"metric_points_{name}" for name in ("2031_10", "2031_11", "2031_12", "2032_01")]
    assert sorted(name for some in made for name in some) == names
    assert await Partitions(database).ensure(now) == []


async def test_the_points_of_a_run_lie_in_the_month_of_its_id(desk, database):
    run = await desk.run()
    await desk.log(run, [1.0])
    table = await database.fetchval("SELECT tableoid::regclass::text FROM metric_points")
    made = datetime.fromtimestamp((UUID(run.id).int >> 80) / 1_000, UTC)
    assert table == f"metric_points_{made:%Y_%m}"
    plan = "\n".join(row[0] for row in await database.fetch(_PLAN.format(run.id)))
    assert plan.count("metric_points_") == 2  # the index and its table, of one month


def test_an_id_lies_in_the_month_it_was_made_in():
    first, behind = month(datetime(2026, 12, 15, tzinfo=UTC), 0), month(datetime(2026, 12, 15, tzinfo=UTC), 1)
    assert (first, behind) == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    inside = [uuid7(round(first.timestamp() * 1000)), uuid7(round(behind.timestamp() * 1000) - 1)]
    assert all(lowest_id(first) <= made < lowest_id(behind) for made in inside)
    assert uuid7(round(behind.timestamp() * 1000)) >= lowest_id(behind)
