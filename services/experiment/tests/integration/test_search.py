"""Search of runs: the database finds what the rules say."""

import itertools
import math

import pytest
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
