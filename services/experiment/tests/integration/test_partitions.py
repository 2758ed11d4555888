"""The months of points."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from fp_experiment.adapters.postgres.points import partitioned
from fp_postgres.partitions import Partitions

_PLAN = "EXPLAIN SELECT * FROM metric_points WHERE run_id = '{}'::uuid AND key = 'loss' ORDER BY key, step LIMIT 10"


def made(run):
    return datetime.fromtimestamp((UUID(run.id).int >> 80) / 1_000, UTC)


async def test_the_points_of_a_run_lie_in_the_month_of_its_id(desk, database):
    run = await desk.run()
    await desk.log(run, [1.0])
    table = await database.fetchval("SELECT tableoid::regclass::text FROM metric_points")
    assert table == f"metric_points_{made(run):%Y_%m}"
    plan = "\n".join(row[0] for row in await database.fetch(_PLAN.format(run.id)))
    assert plan.count("metric_points_") == 2  # the index and its table, of one month


async def test_points_go_with_their_month_and_runs_keep_what_they_ended_with(desk, database):
    run = await desk.run()
    await desk.log(run, [1.0, 2.0])
    partitions = Partitions(database, partitioned(timedelta(days=60)))
    name = f"metric_points_{made(run):%Y_%m}"
    assert name not in await partitions.drop(made(run) + timedelta(days=59))
    assert await desk.count("metric_points") == 2
    assert name in await partitions.drop(made(run) + timedelta(days=92))
    assert await desk.count("metric_points") == 0
    assert [point.value for point in (await desk.do.queries.run("alpha", run.id)).final_metrics] == [2.0]
