"""Searches and pages take their indexes, also from the sixth use of a statement on."""

import re

import asyncpg
import pytest
from fp_experiment.adapters.postgres.points import _OF_KEYS, _OF_RUN
from fp_experiment.adapters.postgres.runs import _listing
from fp_experiment.adapters.postgres.searching import EndedRuns
from fp_experiment.app.ports import RunFilter
from fp_experiment.domain.filters import parse
from fp_experiment.domain.runs import RunStatus
from fp_kernel import PageRequest, new_id

LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
FILL = """
    INSERT INTO runs (id, team, experiment_id, display_name, status, source, model_version_id, owner_id, execution_id,
                      inputs, artifacts, started_at, ended_at, searchable)
    SELECT id, 'team' || place % 40, $1, 'run ' || place, (array['FINISHED', 'FAILED', 'KILLED'])[1 + place % 3], 'API',
        '', 'eve', '', '[]', '', now(), now(), true
    FROM unnest($2::uuid[]) WITH ORDINALITY AS made (id, place)
"""
METRICS = """
    INSERT INTO ended_metrics
    SELECT run.team, key, run.id, random() FROM runs AS run CROSS JOIN unnest(array['loss', 'auc']) AS key
"""
PARAMS = "INSERT INTO ended_params SELECT run.team, 'model', run.id, hashtext(run.id::text) FROM runs AS run"


@pytest.fixture
async def busy(desk, experiment_url):
    """20,000 runs of other teams with the same metric, and one run of ours."""
    theirs = await desk.experiment(caller=desk.eve)
    ids = [new_id() for _ in range(20_000)]
    await desk.database.execute(FILL, theirs.id, ids)
    await desk.database.execute(METRICS)
    await desk.database.execute(PARAMS)
    run = await desk.run(params=[("model", "xgb")])
    await desk.log(run, [0.25] * 1_000)
    await desk.log(run, [0.5] * 1_000, key="auc")
    await desk.database.execute("ANALYZE")
    connection = await asyncpg.connect(experiment_url, statement_cache_size=0)
    yield run, connection
    await connection.close()


async def plan(connection, statement, first="NULL"):
    """As Postgres keeps it for every use of the statement."""
    await connection.execute("DEALLOCATE ALL; SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
    await connection.execute(f"PREPARE asked AS {statement}")
    count = max(int(number) for number in re.findall(r"\$(\d+)", statement))
    rows = await connection.fetch(f"EXPLAIN EXECUTE asked ({', '.join([first, *['NULL'] * (count - 1)])})")
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize(
    ("filter_", "index"),
    [
        ("metrics.loss < 0.3", "ended_metrics"),
        ("params.model = 'xgb'", "ended_params"),
        ("name = 'mine'", "runs_by_name"),
        ("status = 'FAILED'", "runs_of_team_by_status"),
    ],
)
async def test_a_search_reads_by_team_and_value(busy, filter_, index):
    _, connection = busy
    statement, *_ = _listing("alpha", RunFilter(comparisons=parse(filter_)), PageRequest(20, (LAST_ID,)))
    assert index in await plan(connection, statement)


@pytest.mark.parametrize(("statement", "key"), [(_OF_RUN, "ROW(key, step)"), (_OF_KEYS, "key = ANY")])
async def test_every_point_of_a_page_comes_from_the_key(busy, statement, key):
    run, connection = busy
    text = await plan(connection, statement, f"'{run.id}'")
    assert key in text.partition("Index Cond")[2].partition("\n")[0]
    assert "Sort" not in text


async def test_runs_are_found_by_their_metrics_before_and_after_they_are_searchable(desk):
    experiment = await desk.experiment()
    at_work, ended = await desk.run(experiment), await desk.run(experiment, params=[("model", "xgb")])
    for run in (at_work, ended):
        await desk.log(run, [0.25])
    await desk.do.update_run_status(ended.id, RunStatus.FINISHED, desk.ann, desk.no_key)

    async def found(text):
        page = await desk.do.queries.runs("alpha", matching=text, page_size=0, page_token="")
        return [run.id for run in page.items]

    for _ in range(2):
        assert await found("metrics.loss < 0.3") == [ended.id, at_work.id]
        assert await found("metrics.loss < 0.3 and params.model = 'xgb'") == [ended.id]
        assert await found("params.model != 'hgb'") == [ended.id]
        assert await found("metrics.loss > 0.3") == []
        await EndedRuns(desk.database).index()
    assert await desk.count("ended_metrics") == await desk.count("ended_params") == 1


async def test_two_replicas_share_the_runs_that_have_ended(desk):
    experiment = await desk.experiment()
    runs = [await desk.run(experiment) for _ in range(3)]
    for run in runs:
        await desk.log(run, [1.0])
        await desk.do.update_run_status(run.id, RunStatus.FINISHED, desk.ann, desk.no_key)
    async with desk.database.transaction() as tx:
        await tx.execute("SELECT FROM runs WHERE id = $1 FOR UPDATE", runs[0].id)
        assert await EndedRuns(desk.database).index() == 2
    assert await EndedRuns(desk.database).index() == 1
    assert await EndedRuns(desk.database).index() == 0
