"""Runs that are deleted."""

from datetime import timedelta

import pytest
from fp_experiment.adapters.postgres.deleted_runs import DeletedRuns
from fp_experiment.adapters.postgres.search_index import EndedRuns
from fp_experiment.domain.runs import RunStatus
from fp_kernel import NotFound

TABLES = ("runs", "run_params", "metric_points", "latest_metrics", "ended_metrics", "ended_params")


async def filled(desk, experiment, points=25):
    run = await desk.run(experiment, params=[("rate", "0.1")])
    await desk.log(run, [1.0] * points)
    await desk.log(run, [2.0] * points, key="auc")
    return run


async def delete(desk, run):
    await desk.do.delete_run(run.id, desk.ann, desk.no_key)


async def rows(desk):
    return {table: await desk.count(table) for table in TABLES}


async def test_a_deleted_run_leaves_its_id_and_nothing_else(desk, monkeypatch):
    monkeypatch.setattr("fp_experiment.adapters.postgres.deleted_runs._BITE", 7)
    experiment = await desk.experiment()
    remaining = await filled(desk, experiment)
    await desk.do.update_run_status(remaining.id, RunStatus.FINISHED, desk.ann, desk.no_key)
    await EndedRuns(desk.database).index()
    before = await rows(desk)
    ended, at_work = await filled(desk, experiment), await filled(desk, experiment)
    await desk.do.update_run_status(ended.id, RunStatus.FINISHED, desk.ann, desk.no_key)
    await EndedRuns(desk.database).index()
    for run in (ended, at_work, ended):
        await delete(desk, run)
    page = await desk.do.queries.runs("alpha", matching="params.rate = '0.1'", page_size=0, page_token="")
    assert [run.id for run in page.items] == [remaining.id]
    assert await DeletedRuns(desk.database).remove() == 2
    assert await rows(desk) == before
    assert await desk.count("deleted_runs") == 2
    await delete(desk, ended)
    assert await DeletedRuns(desk.database).remove() == 0


async def test_a_run_at_work_ends_as_killed_for_whoever_follows_it(desk):
    run = await filled(desk, await desk.experiment())
    await delete(desk, run)
    finished = (await desk.events())[-1]
    assert (finished.type, finished.resource_id) == ("fp.experiments.run.finished", run.id)
    assert {point.key for point in finished.payload.final_metrics} == {"loss", "auc"}


async def test_a_run_that_never_was_cannot_be_deleted(desk):
    run = await filled(desk, await desk.experiment())
    with pytest.raises(NotFound):
        await desk.do.delete_run(run.id, desk.eve, desk.no_key)
    with pytest.raises(NotFound):
        await desk.do.delete_run(run.experiment_id, desk.ann, desk.no_key)


async def test_what_a_killed_process_left_half_removed_is_gone_on_with(desk, monkeypatch):
    monkeypatch.setattr("fp_experiment.adapters.postgres.deleted_runs._BITE", 7)
    run = await filled(desk, await desk.experiment())
    await delete(desk, run)
    removing, bites = DeletedRuns(desk.database), iter(range(3))

    async def dies(tx, run, place):
        if next(bites, None) is None:
            raise ConnectionResetError
        return await DeletedRuns._bite(removing, tx, run, place)

    monkeypatch.setattr(removing, "_bite", dies)
    with pytest.raises(ConnectionResetError):
        await removing.remove()
    assert 0 < await desk.count("metric_points") < 50
    assert await DeletedRuns(desk.database).remove() == 1
    assert not any((await rows(desk)).values())


async def test_replicas_remove_different_runs(desk):
    experiment = await desk.experiment()
    runs = [await filled(desk, experiment, 1) for _ in range(2)]
    for run in runs:
        await delete(desk, run)
    async with desk.database.transaction() as tx:
        await tx.execute("SELECT FROM runs WHERE id = $1 FOR UPDATE", runs[0].id)
        assert await DeletedRuns(desk.database).remove() == 1
    assert await DeletedRuns(desk.database).remove() == 1


async def test_runs_that_ended_long_ago_are_deleted_and_those_at_work_are_not(desk, monkeypatch):
    monkeypatch.setattr("fp_experiment.adapters.postgres.deleted_runs._EXPIRED", 2)
    experiment = await desk.experiment()
    at_work = await desk.run(experiment)
    runs = [await filled(desk, experiment, 1) for _ in range(5)]
    for run in runs:
        await desk.do.update_run_status(run.id, RunStatus.FINISHED, desk.ann, desk.no_key)
    deleted, retention = DeletedRuns(desk.database), timedelta(days=30)
    last = runs[-1].started_at
    assert await deleted.expire(last + timedelta(days=29), retention) == 0
    assert await deleted.expire(last + timedelta(days=31), retention) == 5
    page = await desk.do.queries.runs("alpha", page_size=0, page_token="")
    assert [run.id for run in page.items] == [at_work.id]
    assert await desk.count("deleted_runs") == 5
    assert await deleted.remove() == 5
