"""The life of runs through gRPC."""

import asyncio
import math
from contextlib import suppress

import pytest
from forgepoint.events.v1 import events_pb2 as events
from forgepoint.experiment.v1 import experiment_pb2 as pb
from fp_events import Event
from fp_kernel import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    new_id,
)
from fp_testkit.patience import PATIENCE
from google.protobuf.json_format import ParseDict
from google.protobuf.timestamp_pb2 import Timestamp


async def test_a_run_from_its_start_to_its_end(service, ann):
    experiment = (await ann(pb.CreateExperimentRequest(name="flights", tags={"area": "delays"}))).experiment
    start = pb.StartRunRequest(
        experiment_id=experiment.id,
        display_name="winter",
        params=[pb.Param(key="rate", value="0.1")],
        inputs=[pb.DataInput(view="flights", as_of=Timestamp(seconds=1_400_000_000))],
    )
    run = (await ann(start)).run
    assert (run.status, run.source) == (pb.RUN_STATUS_RUNNING, pb.RUN_SOURCE_API)
    assert run.inputs[0].as_of.seconds == 1_400_000_000
    assert await ann.log(run, [0.9, math.nan, 0.4]) == 3
    assert (
        await ann(pb.LogParamsRequest(run_id=run.id, params=[pb.Param(key="depth", value="6")]))
    ).accepted_count == 1
    artifacts = pb.SetRunArtifactsRequest(run_id=run.id)
    ParseDict({"model": "model.onnx"}, artifacts.artifacts)
    await ann(artifacts)
    ended = (await ann(pb.UpdateRunStatusRequest(run_id=run.id, status=pb.RUN_STATUS_FINISHED))).run
    shown = (await service.viewer()(pb.GetRunRequest(id=run.id))).run
    assert shown == ended
    assert [(p.key, p.value) for p in shown.params] == [("depth", "6"), ("rate", "0.1")]
    assert [(p.key, p.step, p.value) for p in shown.final_metrics] == [("loss", 2, 0.4)]
    assert shown.artifacts.fields["model"].string_value == "model.onnx"
    (listed,) = (await ann(pb.ListRunsRequest(experiment_id=experiment.id))).runs
    shown.ClearField("artifacts")
    assert listed == shown
    history = await ann(pb.GetMetricHistoryRequest(run_id=run.id))
    (series,) = history.series
    assert [point.step for point in series.points] == [0, 1, 2]
    assert math.isnan(series.points[1].value)
    assert series.points[0].timestamp.seconds > 0
    downsampled = pb.GetMetricHistoryRequest(run_id=run.id, metric_keys=["loss"], max_points=2)
    assert [point.step for point in (await ann(downsampled)).series[0].points] == [0, 2]
    compared = await ann(pb.CompareRunsRequest(run_ids=[run.id], metric_keys=["loss", "nothing"]))
    assert [[series.key for series in each.series] for each in compared.comparisons] == [["loss"]]
    assert (await ann(pb.GetExperimentRequest(id=experiment.id))).experiment == experiment
    assert [each.id for each in (await ann(pb.ListExperimentsRequest())).experiments] == [experiment.id]


async def test_an_experiment_is_found_by_its_name(ann):
    made = [(await ann(pb.CreateExperimentRequest(name=name))).experiment for name in ("one", "two")]
    assert list((await ann(pb.ListExperimentsRequest(name="two"))).experiments) == made[1:]
    assert not (await ann(pb.ListExperimentsRequest(name="three"))).experiments


async def test_the_same_key_answers_the_first_response(ann):
    create = pb.CreateExperimentRequest(name="flights")
    experiment = (await ann(create, key="c")).experiment
    assert (await ann(create, key="c")).experiment == experiment
    start = pb.StartRunRequest(experiment_id=experiment.id, idempotency_key="s")
    run = (await ann(start)).run
    assert (await ann(start)).run == run
    log = pb.LogMetricsRequest(run_id=run.id, points=[pb.MetricPoint(key="a")], idempotency_key="l")
    assert [(await ann(log)).accepted_count for _ in range(2)] == [1, 1]
    log.points[0].step = 2
    with pytest.raises(InvalidArgument, match="idempotency_key"):
        await ann(log)


async def test_another_team_finds_nothing_and_a_viewer_writes_nothing(service, ann):
    run = await ann.run()
    eve = service.engineer("beta")
    for request in (
        pb.GetRunRequest(id=run.id),
        pb.GetExperimentRequest(id=run.experiment_id),
        pb.ListRunsRequest(experiment_id=run.experiment_id),
        pb.LogMetricsRequest(run_id=run.id, points=[pb.MetricPoint(key="a")]),
        pb.GetMetricHistoryRequest(run_id=run.id),
        pb.CompareRunsRequest(run_ids=[run.id]),
        pb.UpdateRunStatusRequest(run_id=run.id, status=pb.RUN_STATUS_KILLED),
        pb.GetLineageRequest(model_name="late", version="1"),
    ):
        with pytest.raises(NotFound):
            await eve(request)
    assert len((await eve(pb.ListRunsRequest())).runs) == 0
    viewer = service.viewer()
    for request in (pb.CreateExperimentRequest(), pb.LogMetricsRequest(), pb.DeleteRunRequest()):
        with pytest.raises(PermissionDenied):
            await viewer(request)


async def test_a_service_acts_for_a_team(service, ann):
    run = await ann.run()
    assert (await service.as_service("pipeline", acting="alpha")(pb.GetRunRequest(id=run.id))).run == run
    with pytest.raises(InvalidArgument, match="fp-on-behalf-of-team"):
        await service.as_service("pipeline", acting="")(pb.GetRunRequest(id=run.id))


async def test_the_execution_of_a_job_comes_from_its_token(service, ann):
    experiment = (await ann(pb.CreateExperimentRequest(name="flights"))).experiment
    run = (await service.job("x7")(pb.StartRunRequest(experiment_id=experiment.id))).run
    assert run.execution_id == "x7"
    assert (await ann.run("other")).execution_id == ""


async def test_a_job_writes_to_the_runs_of_its_own_execution_only(service, ann):
    experiment = (await ann(pb.CreateExperimentRequest(name="flights"))).experiment
    own, other = service.job("x7"), service.job("x8")
    run = (await own(pb.StartRunRequest(experiment_id=experiment.id))).run
    of_ann = (await ann(pb.StartRunRequest(experiment_id=experiment.id))).run
    point, param = pb.MetricPoint(key="loss", value=0.5, step=1), pb.Param(key="depth", value="3")

    for stranger, theirs in ((other, run), (own, of_ann)):
        for request in (
            pb.LogMetricsRequest(run_id=theirs.id, points=[point]),
            pb.LogParamsRequest(run_id=theirs.id, params=[param]),
            pb.SetRunArtifactsRequest(run_id=theirs.id),
            pb.UpdateRunStatusRequest(run_id=theirs.id, status=pb.RUN_STATUS_KILLED),
        ):
            with pytest.raises(NotFound, match="no such run"):
                await stranger(request)

    # Its own attempts and everybody else of the team go on.
    again = service.job("x7")
    assert (await again(pb.LogMetricsRequest(run_id=run.id, points=[point]))).accepted_count == 1
    assert (await again(pb.LogParamsRequest(run_id=run.id, params=[param]))).accepted_count == 1
    await again(pb.SetRunArtifactsRequest(run_id=run.id))
    ended = await ann(pb.UpdateRunStatusRequest(run_id=run.id, status=pb.RUN_STATUS_FINISHED))
    assert ended.run.status == pb.RUN_STATUS_FINISHED


async def test_a_job_neither_makes_nor_removes_experiments(service, ann):
    run, job = await ann.run(), service.job("x7")

    for request in (
        pb.CreateExperimentRequest(name="own"),
        pb.UpdateExperimentRequest(id=run.experiment_id),
        pb.ArchiveExperimentRequest(id=run.experiment_id),
        pb.DeleteRunRequest(run_id=run.id),
    ):
        with pytest.raises(PermissionDenied) as refused:
            await job(request)
        assert refused.value.reason == "NOT_FOR_JOBS"


BAD = (
    (pb.CreateExperimentRequest(), "name"),
    (pb.CreateExperimentRequest(name="a", tags={"": "x"}), "tags"),
    (pb.GetExperimentRequest(id="x"), "id"),
    (pb.ListExperimentsRequest(pagination={"page_token": "x"}), "pagination.page_token"),
    (pb.StartRunRequest(experiment_id="x"), "experiment_id"),
    (pb.StartRunRequest(experiment_id=new_id(), display_name="a\n"), "display_name"),
    (pb.StartRunRequest(experiment_id=new_id(), inputs=[pb.DataInput()]), r"inputs\[0\].view"),
    (
        pb.StartRunRequest(experiment_id=new_id(), inputs=[pb.DataInput(view="v", as_of=Timestamp(seconds=10**15))]),
        r"inputs\[0\].as_of",
    ),
    (pb.GetRunRequest(id=""), "id"),
    (pb.ListRunsRequest(status_filter=9), "status_filter"),
    (pb.ListRunsRequest(filter="loss < 1"), "filter"),
    (pb.ListRunsRequest(pagination={"page_size": -1}), "pagination.page_size"),
    (pb.UpdateRunStatusRequest(run_id=new_id()), "status"),
    (pb.LogMetricsRequest(run_id="x"), "run_id"),
    (pb.LogMetricsRequest(run_id=new_id()), "points"),
    (pb.LogMetricsRequest(run_id=new_id(), points=[pb.MetricPoint(key="a", step=-1)]), r"points\[0\].step"),
    (pb.LogParamsRequest(run_id=new_id()), "params"),
    (pb.LogParamsRequest(run_id=new_id(), params=[pb.Param()]), r"params\[0\].key"),
    (pb.GetMetricHistoryRequest(run_id=new_id(), min_step=-1, max_step=2), "min_step"),
    (pb.GetMetricHistoryRequest(run_id=new_id(), max_points=1), "max_points"),
    (pb.CompareRunsRequest(), "run_ids"),
    (pb.CompareRunsRequest(run_ids=["x"]), r"run_ids\[0\]"),
    (pb.CompareRunsRequest(run_ids=[new_id()], metric_keys=["a"] * 21), "metric_keys"),
    (pb.GetLineageRequest(version="1"), "model_name"),
    (pb.GetLineageRequest(model_name="a"), "version"),
)


async def test_bad_input_names_its_field(ann):
    for request, field in BAD:
        with pytest.raises(InvalidArgument, match=f"^{field}: ") as refused:
            await ann(request)
        assert refused.value.fields


async def test_what_is_against_the_rules_says_which(ann):
    run = await ann.run()
    await ann(pb.LogParamsRequest(run_id=run.id, params=[pb.Param(key="a", value="1")]))
    with pytest.raises(AlreadyExists) as written:
        await ann(pb.LogParamsRequest(run_id=run.id, params=[pb.Param(key="a", value="2")]))
    assert written.value.reason == "PARAM_WRITTEN"
    await ann(pb.UpdateRunStatusRequest(run_id=run.id, status=pb.RUN_STATUS_FAILED))
    with pytest.raises(FailedPrecondition) as ended:
        await ann.log(run, [1.0])
    assert ended.value.reason == "RUN_ENDED"


async def test_a_deleted_run_is_gone_and_lineage_goes_on_naming_it(service, ann, bus):
    run = await ann.run(inputs=[pb.DataInput(view="flights")])
    await ann.log(run, [1.0])
    made = events.ModelVersionCreated(model_name="late", version="1", run_id=run.id, version_id="v1")
    envelope = {"team": "alpha", "resource_id": "r", "summary": "It happened.", "source": "test"}
    await bus.publish([Event("fp.models.version.created", made, **envelope)])
    lineage = pb.GetLineageRequest(model_name="late", version="1")
    for _ in range(2):
        await ann(pb.DeleteRunRequest(run_id=run.id, idempotency_key="k"))
        await ann(pb.DeleteRunRequest(run_id=run.id))
    for gone in (
        pb.GetRunRequest(id=run.id),
        pb.LogMetricsRequest(run_id=run.id, points=[pb.MetricPoint(key="a")]),
        pb.GetMetricHistoryRequest(run_id=run.id),
        pb.CompareRunsRequest(run_ids=[run.id]),
        pb.SetRunArtifactsRequest(run_id=run.id),
        pb.LogParamsRequest(run_id=run.id, params=[pb.Param(key="a", value="1")]),
    ):
        with pytest.raises(NotFound):
            await ann(gone)
    assert len((await ann(pb.ListRunsRequest())).runs) == 0
    with pytest.raises(NotFound):
        await service.engineer("beta")(pb.DeleteRunRequest(run_id=run.id))
    nodes = await nodes_of(ann, lineage)
    assert {"flights", run.id, "late@1"} <= nodes.keys()
    assert nodes[run.id].facts["deleted_at"]


async def nodes_of(caller, request):
    """The nodes, once the event has arrived."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(NotFound):
                return {node.id: node for node in (await caller(request)).nodes}
            await asyncio.sleep(0.01)


async def test_it_is_ready_and_shows_its_figures(service, ann):
    await ann.log(await ann.run(), [1.0, 2.0])
    assert (await service.get("/readyz")).json()["status"] == "ready"
    assert "fp_experiment_batch_rows_total 2.0" in (await service.get("/metrics")).text
