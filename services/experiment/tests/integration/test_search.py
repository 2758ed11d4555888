"""Search of runs: the database finds what the rules say."""

import itertools
import math

import pytest
from fp_experiment.adapters.postgres.search_index import EndedRuns
from fp_experiment.domain.filters import Operator, Subject, parse
from fp_experiment.domain.runs import RunStatus
from fp_kernel import InvalidArgument

VALUES = (-math.inf, -1.0, 0.5, math.inf, math.nan)


async def found(desk, text):
    page = await desk.do.queries.runs("alpha", matching=text, page_size=100, page_token="")
    return {run.id for run in page.items}


def expected(run, text):
    def of(comparison):
        match comparison.subject:
            case Subject.METRIC:
                return {point.key: point.value for point in run.final_metrics}.get(comparison.key)
            case Subject.PARAM:
                return run.params.get(comparison.key)
            case Subject.STATUS:
                return run.status
            case Subject.NAME:
                return run.display_name

    return all(comparison.holds(of(comparison)) for comparison in parse(text))


async def test_the_database_finds_what_the_rules_say(desk):
    experiment = await desk.experiment()
    for index, value in enumerate(VALUES):
        run = await desk.run(experiment, display_name=f"run {index}", params=[("model", "xgb" if index % 2 else "hgb")])
        await desk.log(run, [99.0, value], key="val loss")
    plain = await desk.run(experiment, display_name="plain")
    await desk.do.update_run_status(plain.id, RunStatus.FINISHED, desk.ann, desk.no_key)
    runs = (await desk.do.queries.runs("alpha", page_size=100, page_token="")).items
    numbers = [f"metrics.`val loss` {sign} {value!r}" for sign, value in itertools.product(Operator, VALUES)]
    texts = [
        "params.model = 'xgb'",
        "params.model != 'xgb'",
        "status = 'FINISHED'",
        "status != 'FINISHED'",
        "name = 'plain'",
        "name != 'plain' and params.model = 'hgb' and metrics.`val loss` > -1",
        "",
    ]
    for text in (*numbers, *texts):
        assert await found(desk, text) == {run.id for run in runs if expected(run, text)}, text


async def test_a_page_of_one_search_is_no_page_of_another(desk):
    experiment = await desk.experiment()
    for _ in range(3):
        await desk.run(experiment, params=[("a", "1")])
    first = await desk.do.queries.runs("alpha", matching="params.a = '1'", page_size=2, page_token="")
    token = first.next_token
    rest = await desk.do.queries.runs("alpha", matching="params.a = '1'", page_size=2, page_token=token)
    assert (len(first.items), len(rest.items), rest.next_token) == (2, 1, "")
    with pytest.raises(InvalidArgument, match="page_token"):
        await desk.do.queries.runs("alpha", matching="params.a = '2'", page_size=2, page_token=token)


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
