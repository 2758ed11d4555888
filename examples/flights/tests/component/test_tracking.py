"""A training as a tracked run, with a tracker that runs and the token of a job."""

from types import SimpleNamespace

import pytest
from forgepoint.experiment.v1 import experiment_pb2 as pb
from fp_flights import tracking
from fp_flights.story import runs
from fp_jobs import job

LOSSES, FINAL = [0.6, 0.5, 0.45], {"log_loss": 0.44, "auc": 0.7}


async def attempt(experiments, number):
    """Of a step whose settings name the experiment, which somebody else made."""
    experiment_id = await tracking.experiment(experiments.maker)
    return job.Job("execution", "train", {"experiment_id": experiment_id}, {}, {}, {}, "", number)


async def track(experiments, number, *, fails=None, losses=LOSSES):
    task = await attempt(experiments, number)
    async with tracking.tracked(experiments.job, task, {"iterations": 3}) as run:
        await run.params({"rows": 10})
        await run.metrics(losses, FINAL)
        if fails is not None:
            raise fails
    return run.id


async def all_runs(experiments):
    found = await runs.compared(SimpleNamespace(experiment=experiments.reader))
    for each in found:
        assert each.run.execution_id == each.run.display_name == "execution"
    return [(each.run.id, each.run.status) for each in found]


async def test_a_run_has_the_curve_and_what_the_version_promises_as_its_end(experiments):
    identifier = await track(experiments, 1)

    (found,) = await runs.compared(SimpleNamespace(experiment=experiments.reader))
    assert (found.run.id, found.run.status) == (identifier, pb.RUN_STATUS_FINISHED)
    params = {each.key: each.value for each in found.run.params}
    assert params == {"execution_id": "execution", "step": "train", "iterations": "3", "rows": "10"}
    assert {each.key: each.value for each in found.run.final_metrics} == FINAL
    points = {each.key: [(point.step, point.value) for point in each.points] for each in found.series}
    assert points == {"log_loss": [(1, 0.6), (2, 0.5), (3, 0.44)], "auc": [(3, 0.7)]}


async def test_an_attempt_after_one_that_finished_the_run_has_the_same_run_and_logs_nothing(experiments):
    first = await track(experiments, 1)

    assert await track(experiments, 2, losses=[0.9, 0.9, 0.9, 0.9]) == first
    (found,) = await runs.compared(SimpleNamespace(experiment=experiments.reader))
    assert {each.key: len(each.points) for each in found.series} == {"log_loss": 3, "auc": 1}


async def test_an_attempt_after_one_that_died_goes_on_with_its_run(experiments):
    died = tracking.tracked(experiments.job, await attempt(experiments, 1), {"iterations": 3})
    run = await died.__aenter__()
    await run.metrics(LOSSES, FINAL)

    assert await track(experiments, 2) == run.id
    assert await all_runs(experiments) == [(run.id, pb.RUN_STATUS_FINISHED)]


async def test_a_job_that_fails_says_so_and_the_next_attempt_has_a_run_of_its_own(experiments):
    with pytest.raises(OSError, match="disk"):
        await track(experiments, 1, fails=OSError("disk"))
    second = await track(experiments, 2)

    (failed, status), finished = await all_runs(experiments)
    assert (status, finished) == (pb.RUN_STATUS_FAILED, (second, pb.RUN_STATUS_FINISHED))
    assert failed != second
