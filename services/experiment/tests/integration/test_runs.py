"""Experiments and runs."""

import asyncio

import pytest
from fp_experiment.domain.experiments import Described
from fp_experiment.domain.runs import NewRun, RunStatus
from fp_kernel import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound


async def test_a_name_is_taken_once_a_team_also_after_the_archive(desk):
    experiment = await desk.experiment("flights")
    await desk.do.archive_experiment(experiment.id, desk.ann, desk.no_key)
    with pytest.raises(AlreadyExists, match="name") as taken:
        await desk.experiment("flights")
    assert taken.value.metadata == {"experiment_id": experiment.id}
    await desk.experiment("flights", desk.eve)


async def test_only_the_named_fields_change(desk):
    experiment = await desk.experiment("flights")
    new = Described("other", "about delays", {"a": "b"})
    changed = await desk.do.update_experiment(experiment.id, new, frozenset({"description"}), desk.ann, desk.no_key)
    assert changed.described == Described("flights", "about delays", {})
    assert await desk.do.queries.experiment("alpha", experiment.id) == changed
    with pytest.raises(InvalidArgument, match="update_fields"):
        await desk.do.update_experiment(experiment.id, new, frozenset({"team"}), desk.ann, desk.no_key)
    await desk.experiment("other")
    with pytest.raises(AlreadyExists, match="name"):
        await desk.do.update_experiment(experiment.id, new, frozenset({"name"}), desk.ann, desk.no_key)


async def test_an_archived_experiment_leaves_the_list_and_takes_no_run(desk):
    experiment = await desk.experiment()
    await desk.do.archive_experiment(experiment.id, desk.ann, desk.no_key)
    live = await desk.do.queries.experiments("alpha", archived=False, page_size=0, page_token="")
    every = await desk.do.queries.experiments("alpha", archived=True, page_size=0, page_token="")
    assert (len(live.items), len(every.items)) == (0, 1)
    with pytest.raises(FailedPrecondition):
        await desk.run(experiment)


async def test_another_team_sees_and_changes_nothing(desk):
    experiment = await desk.experiment()
    run = await desk.run(experiment)
    for refused in (
        desk.do.queries.experiment("beta", experiment.id),
        desk.do.queries.run("beta", run.id),
        desk.do.queries.runs("beta", experiment.id, None, page_size=0, page_token=""),
        desk.do.archive_experiment(experiment.id, desk.eve, desk.no_key),
        desk.do.start_run(NewRun(experiment.id), desk.eve, desk.no_key),
        desk.do.update_run_status(run.id, RunStatus.KILLED, desk.eve, desk.no_key),
        desk.do.log_params(run.id, [("a", "b")], desk.eve, desk.no_key),
        desk.do.set_run_artifacts(run.id, b"", desk.eve, desk.no_key),
    ):
        with pytest.raises(NotFound):
            await refused


async def test_runs_come_in_pages_newest_first_by_status(desk):
    experiment = await desk.experiment()
    runs = [await desk.run(experiment) for _ in range(5)]
    await desk.do.update_run_status(runs[1].id, RunStatus.FINISHED, desk.ann, desk.no_key)
    seen, token = [], ""
    while True:
        page = await desk.do.queries.runs("alpha", experiment.id, RunStatus.RUNNING, page_size=2, page_token=token)
        seen += [run.id for run in page.items]
        if not (token := page.next_token):
            break
    assert seen == [runs[n].id for n in (4, 3, 2, 0)]
    first = await desk.do.queries.runs("alpha", experiment.id, None, page_size=2, page_token="")
    with pytest.raises(InvalidArgument, match="page_token"):
        await desk.do.queries.runs("alpha", "", None, page_size=2, page_token=first.next_token)


async def test_parameters_are_written_once_all_or_none(desk):
    run = await desk.run(params=[("rate", "0.1")])
    assert await desk.do.log_params(run.id, [("depth", "6"), ("rate", "0.1")], desk.ann, desk.no_key) == 1
    with pytest.raises(AlreadyExists, match=r"params\[1\].value"):
        await desk.do.log_params(run.id, [("leaf", "20"), ("rate", "0.2")], desk.ann, desk.no_key)
    assert (await desk.do.queries.run("alpha", run.id)).params == {"depth": "6", "rate": "0.1"}


async def test_of_concurrent_writers_of_a_parameter_one_wins(desk):
    run = await desk.run()
    writes = (desk.do.log_params(run.id, [("rate", str(n))], desk.ann, desk.no_key) for n in range(8))
    answers = await asyncio.gather(*writes, return_exceptions=True)
    assert sorted(map(str, (answer for answer in answers if isinstance(answer, int)))) == ["1"]
    assert sum(isinstance(answer, AlreadyExists) for answer in answers) == 7


async def test_a_run_ends_once_and_tells_its_final_metrics(desk):
    run = await desk.run()
    await desk.log(run, [0.9, 0.4])
    ended = await desk.do.update_run_status(run.id, RunStatus.FINISHED, desk.ann, desk.no_key)
    assert await desk.do.update_run_status(run.id, RunStatus.FINISHED, desk.ann, desk.no_key) == ended
    with pytest.raises(FailedPrecondition):
        await desk.do.update_run_status(run.id, RunStatus.FAILED, desk.ann, desk.no_key)
    with pytest.raises(InvalidArgument, match="status"):
        await desk.do.update_run_status(run.id, RunStatus.RUNNING, desk.ann, desk.no_key)
    with pytest.raises(FailedPrecondition):
        await desk.do.log_params(run.id, [("a", "b")], desk.ann, desk.no_key)
    created, finished = await desk.events()
    assert (created.type, created.resource_id) == ("fp.experiments.run.created", run.id)
    assert finished.type == "fp.experiments.run.finished"
    assert [(p.key, p.step, p.value) for p in finished.payload.final_metrics] == [("loss", 1, 0.4)]


async def test_the_last_event_of_a_run_has_every_point_that_was_accepted(desk):
    run = await desk.run()

    async def log(step):
        return await desk.log(run, [float(step)], start=step)

    *answers, _ = await asyncio.gather(
        *(log(step) for step in range(30)),
        desk.do.update_run_status(run.id, RunStatus.FINISHED, desk.ann, desk.no_key),
        return_exceptions=True,
    )
    accepted = [step for step, answer in enumerate(answers) if answer == 1]
    metrics = (await desk.events())[-1].payload.final_metrics
    assert [point.step for point in metrics] == accepted[-1:]
    assert await desk.count("metric_points") == len(accepted)
