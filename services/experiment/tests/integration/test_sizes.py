"""Answers stay within what a client takes, whatever runs hold."""

import pytest
from fp_experiment.domain.runs import MAX_PARAMS_BYTES, PAGE_BYTES
from fp_kernel import InvalidArgument

LARGE = [(f"p{n}", "x" * 5_000) for n in range(100)]


async def test_lists_leave_the_artifacts_out(desk):
    run = await desk.run()
    await desk.do.set_run_artifacts(run.id, b"a document", desk.ann, desk.no_key)
    (listed,) = (await desk.do.queries.runs("alpha", page_size=0, page_token="")).items
    assert listed.artifacts == b""
    assert (await desk.do.queries.run("alpha", run.id)).artifacts == b"a document"
    (compared,) = await desk.do.history.compare("alpha", [run.id], ())
    assert compared.run.artifacts == b""


async def test_a_page_of_large_runs_is_shorter_and_the_next_one_goes_on(desk):
    experiment = await desk.experiment()
    runs = [await desk.run(experiment, params=LARGE) for _ in range(5)]
    pages, token = [], ""
    while True:
        page = await desk.do.queries.runs("alpha", experiment.id, page_size=0, page_token=token)
        pages.append([run.id for run in page.items])
        if not (token := page.next_token):
            break
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [run_id for page in pages for run_id in page] == [run.id for run in reversed(runs)]
    assert PAGE_BYTES > 2 * 100 * 5_000


async def test_the_parameters_of_a_run_fit_into_one_answer(desk):
    run = await desk.run(params=LARGE)
    with pytest.raises(InvalidArgument, match=f"params: .*{MAX_PARAMS_BYTES} bytes"):
        await desk.do.log_params(run.id, [(f"q{n}", "x" * 5_000) for n in range(10)], desk.ann, desk.no_key)
    assert len((await desk.do.queries.run("alpha", run.id)).params) == 100
    with pytest.raises(InvalidArgument, match="params: "):
        await desk.run(params=[(f"p{n}", "x" * 6_000) for n in range(100)])


async def test_runs_that_are_too_large_together_are_not_compared(desk):
    experiment = await desk.experiment()
    ids = [(await desk.run(experiment, params=LARGE)).id for _ in range(3)]
    with pytest.raises(InvalidArgument, match="run_ids: have 15"):
        await desk.do.history.compare("alpha", ids, ())
    assert len(await desk.do.history.compare("alpha", ids[:2], ())) == 2
