"""Points, from the batch to the reads."""

import asyncio
import math

import pytest
from fp_experiment.app.ports import LoggedPoints, PointRange
from fp_experiment.domain.downsampling import downsampled
from fp_experiment.domain.metrics import Point
from fp_experiment.domain.runs import RunStatus
from fp_kernel import FailedPrecondition, InvalidArgument, NotFound, Replayed


@pytest.fixture(params=["arrays", "copy"])
def way(request, monkeypatch):
    """Few rows and many go two ways; both keep the same promises."""
    if request.param == "copy":
        monkeypatch.setattr("fp_experiment.adapters.postgres.batches.COPY_FROM", 0)


async def values(desk, run, key="loss"):
    page = await desk.do.history.page("alpha", PointRange(run.id, (key,)), page_size=0, page_token="")
    return [(point.step, point.value) for point in page.items]


async def test_points_are_there_when_the_call_is_answered(desk):
    run = await desk.run()
    assert await desk.log(run, [3.0, 2.0]) == 2
    assert await values(desk, run) == [(0, 3.0), (1, 2.0)]


@pytest.mark.usefixtures("way")
async def test_the_first_value_of_a_step_stays(desk):
    run = await desk.run()
    await desk.log(run, [1.0, 2.0])
    assert await desk.log(run, [9.0, 9.0, 3.0]) == 1
    assert await values(desk, run) == [(0, 1.0), (1, 2.0), (2, 3.0)]


@pytest.mark.usefixtures("way")
async def test_the_first_of_two_calls_in_one_batch_stays(desk, writer):
    run = await desk.run()
    calls = [LoggedPoints("alpha", run.id, [Point("loss", value, 1, run.started_at)], desk.no_key) for value in (1, 2)]
    assert await writer.write(calls) == [1, 0]
    assert await values(desk, run) == [(1, 1.0)]


@pytest.mark.usefixtures("way")
async def test_nan_and_infinities_are_kept_as_such(desk):
    run = await desk.run()
    await desk.log(run, [math.inf, -math.inf, math.nan, -0.0])
    stored = await values(desk, run)
    assert [value for _, value in stored[:2]] == [math.inf, -math.inf]
    assert math.isnan(stored[2][1])
    assert math.copysign(1, stored[3][1]) == -1
    (latest,) = (await desk.do.queries.run("alpha", run.id)).final_metrics
    assert latest.step == 3


@pytest.mark.usefixtures("way")
async def test_the_newest_step_shows_in_the_run_whatever_the_order_of_arrival(desk):
    run = await desk.run()
    await desk.log(run, [5.0], start=7)
    await desk.log(run, [6.0], start=3)
    await desk.log(run, [0.5], key="auc")
    shown = {
        point.key: (point.step, point.value) for point in (await desk.do.queries.run("alpha", run.id)).final_metrics
    }
    assert shown == {"loss": (7, 5.0), "auc": (0, 0.5)}


async def test_another_teams_run_is_not_there(desk):
    run = await desk.run()
    with pytest.raises(NotFound):
        await desk.log(run, [1.0], team="beta")
    with pytest.raises(NotFound):
        await desk.do.history.page("beta", PointRange(run.id), page_size=0, page_token="")
    assert await desk.count("metric_points") == 0


async def test_one_bad_call_does_not_hold_the_rest_of_its_batch(desk):
    run, ended = await desk.run(), await desk.run()
    await desk.do.update_run_status(ended.id, RunStatus.KILLED, desk.ann, desk.no_key)
    answers = await asyncio.gather(desk.log(run, [1.0]), desk.log(ended, [1.0]), return_exceptions=True)
    assert answers[0] == 1
    assert isinstance(answers[1], FailedPrecondition)


@pytest.mark.usefixtures("way")
async def test_a_run_with_too_many_metrics_is_refused_and_the_rest_of_its_batch_is_written_at_once(
    desk, writer, monkeypatch
):
    monkeypatch.setattr("fp_experiment.adapters.postgres.batches.MAX_KEYS", 2)
    run, full = await desk.run(), await desk.run()
    await desk.log(full, [1.0])

    def call(of, *keys, step=1):
        return LoggedPoints("alpha", of.id, [Point(key, 1.0, step, run.started_at) for key in keys], desk.no_key)

    # One write: a batch that fails as a whole would raise here.
    answers = await writer.write(
        [
            call(run, "loss"),
            call(full, "auc", "f1"),
            call(full, "auc"),
            call(full, "f1"),
            call(full, "loss", "auc", step=2),
        ]
    )
    assert answers[0] == 1
    assert [type(answer) for answer in answers] == [int, FailedPrecondition, int, FailedPrecondition, int]
    assert {point.key for point in (await desk.do.queries.run("alpha", full.id)).final_metrics} == {"loss", "auc"}


async def test_the_same_key_answers_the_first_response(desk, keyed):
    run = await desk.run()
    assert await desk.log(run, [1.0, 2.0], command=keyed("k")) == 2
    with pytest.raises(Replayed) as replay:
        await desk.log(run, [1.0, 2.0], command=keyed("k"))
    assert replay.value.response == b"2"
    with pytest.raises(InvalidArgument, match="idempotency_key"):
        await desk.log(run, [7.0], key="other", command=keyed("k", b"another body"))
    assert await desk.count("metric_points") == 2


async def test_twins_in_one_batch_happen_once(desk, keyed, writer):
    run = await desk.run()
    points = [Point("loss", 1.0, 1, run.started_at)]
    first, twin, other = await writer.write(
        [
            LoggedPoints("alpha", run.id, points, keyed("k")),
            LoggedPoints("alpha", run.id, points, keyed("k")),
            LoggedPoints("alpha", run.id, points, keyed("k", b"another body")),
        ]
    )
    assert first == 1
    assert isinstance(twin, Replayed)
    assert twin.response == b"1"
    assert isinstance(other, InvalidArgument)


async def test_a_call_that_failed_leaves_its_key_for_another_try(desk, keyed):
    run = await desk.run()
    with pytest.raises(NotFound):
        await desk.log(run, [1.0], team="beta", command=keyed("k", team="beta"))
    assert await desk.count("fp_commands") == 0


async def test_history_comes_in_pages_by_metric_and_step(desk):
    run = await desk.run()
    await desk.log(run, [float(n) for n in range(5)], key="a")
    await desk.log(run, [float(n) for n in range(5)], key="b")
    seen, token = [], ""
    while True:
        page = await desk.do.history.page("alpha", PointRange(run.id), page_size=3, page_token=token)
        seen += [(point.key, point.step) for point in page.items]
        assert len(page.items) <= 3
        if not (token := page.next_token):
            break
    assert seen == [(key, step) for key in "ab" for step in range(5)]


async def test_history_keeps_to_its_bounds(desk):
    run = await desk.run()
    await desk.log(run, [float(n) for n in range(10)])
    page = await desk.do.history.page("alpha", PointRange(run.id, (), 3, 5), page_size=0, page_token="")
    assert [point.step for point in page.items] == [3, 4, 5]
    with pytest.raises(InvalidArgument, match="max_step"):
        await desk.do.history.page("alpha", PointRange(run.id, (), 5, 3), page_size=0, page_token="")


async def test_a_page_holds_5000_points_at_most(desk):
    run = await desk.run()
    for start in range(0, 6_000, 1_000):
        await desk.log(run, [0.0] * 1_000, start=start)
    page = await desk.do.history.page("alpha", PointRange(run.id), page_size=9_999, page_token="")
    assert len(page.items) == 5_000
    assert len((await desk.do.history.page("alpha", PointRange(run.id), page_size=0, page_token="")).items) == 1_000


@pytest.mark.parametrize("last_step", [299, 3_000, 2**62])
@pytest.mark.parametrize("bite", [7, 20_000])
async def test_the_database_thins_a_series_as_the_definition_says(desk, reads, monkeypatch, bite, last_step):
    monkeypatch.setattr("fp_experiment.adapters.postgres.points._BITE", bite)
    run = await desk.run()
    series = [math.sin(n / 7) * n for n in range(300)]
    series[120], series[200], series[77] = math.nan, math.inf, 1e9
    await desk.log(run, series)
    # Steps that are far behind the others.
    await desk.log(run, series[:40], start=2_000)
    await desk.log(run, [5.0], start=2**62)
    await desk.log(run, [1.0, 2.0], key="short")
    wanted = PointRange(run.id, ("loss", "short"), 0, last_step)
    points = await reads.points(wanted, None, 1_000)
    for limit in (2, 3, 4, 7, 20, 100, 1_000):
        expected = [point for key in wanted.keys for point in downsampled([p for p in points if p.key == key], limit)]
        found = await reads.downsampled(wanted, limit)
        assert [(p.key, p.step) for p in found] == [(p.key, p.step) for p in expected]


async def test_runs_compare_side_by_side_in_the_order_asked(desk):
    experiment = await desk.experiment()
    runs = [await desk.run(experiment) for _ in range(3)]
    for index, run in enumerate(runs):
        await desk.log(run, [float(index)] * 3)
        await desk.log(run, [9.0], key="auc")
    ids = [runs[2].id, runs[0].id]
    compared = await desk.do.history.compare("alpha", ids, ("loss",))
    assert [one.run.id for one in compared] == ids
    assert [[point.value for point in one.series[0]] for one in compared] == [[2.0] * 3, [0.0] * 3]
    newest = await desk.do.history.compare("alpha", ids, ())
    assert [[(s[0].key, s[0].step) for s in one.series] for one in newest] == [[("auc", 0), ("loss", 2)]] * 2
    with pytest.raises(NotFound, match=r"run_ids\[1\]"):
        await desk.do.history.compare("alpha", [runs[0].id, (await desk.run(caller=desk.eve)).id], ())
    with pytest.raises(InvalidArgument, match="run_ids"):
        await desk.do.history.compare("alpha", [runs[0].id] * 21, ())
