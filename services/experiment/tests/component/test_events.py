"""Events in and out, with one replica and with two."""

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest
from forgepoint.events.v1 import events_pb2 as events
from forgepoint.experiment.v1 import experiment_pb2 as pb
from fp_events import Broadcast, Event
from fp_experiment.api.consumers import LINEAGE
from fp_postgres import Database
from fp_testkit.patience import PATIENCE
from google.protobuf.json_format import ParseDict

SAGA, DAG = events.PIPELINE_TYPE_DEPLOYMENT_SAGA, events.PIPELINE_TYPE_TRAINING_DAG


def event(subject, payload, n):
    """n: minutes since the record began."""
    at = datetime(2026, 3, 1, 12, n, tzinfo=UTC)
    return Event(subject, payload, team="alpha", resource_id="r", summary="It happened.", source="test", time=at)


def trained(execution, version, n, triggered_by="ann"):
    step = events.StepCompleted(execution_id=execution, step_type=events.STEP_TYPE_TRAIN)
    ParseDict({"inputs": [{"view": "flights", "as_of": "2013-03-01"}, {"view": "outcomes"}]}, step.output)
    started = events.PipelineStarted(
        execution_id=execution, pipeline_type=DAG, pipeline_name="train", triggered_by=triggered_by
    )
    created = events.ModelVersionCreated(
        model_name="late", version=version, run_id=execution, version_id=f"id{version}"
    )
    deployed = events.ModelDeployed(model_name="late", version=version, version_id=f"id{version}", execution_id="saga")
    return [
        event("fp.pipelines.started", started, n),
        event("fp.pipelines.step.completed", step, n + 1),
        event("fp.models.version.created", created, n + 2),
        event("fp.pipelines.completed", events.PipelineCompleted(execution_id=execution, pipeline_name="train"), n + 3),
        event("fp.pipelines.model.deployed", deployed, n + 4),
    ]


def loop():
    """Everything that the bus tells of one turn of the loop."""
    drift = events.ModelDriftDetected(
        model_name="late", model_version="1", report_id="w9", severity=events.DRIFT_SEVERITY_CRITICAL, auto_retrain=True
    )
    return [
        event("fp.features.view.defined", events.FeatureViewDefined(feature_view_name="flights"), 0),
        event("fp.models.registered", events.ModelRegistered(model_name="late", model_id="m"), 0),
        *trained("x1", "1", 1),
        event("fp.models.drift.detected", drift, 10),
        *trained("x2", "2", 20, triggered_by="drift-report:w9"),
    ]


async def until(count, wanted):
    """Returns once so many are counted."""
    async with asyncio.timeout(PATIENCE):
        while await count() != wanted:
            await asyncio.sleep(0.02)


@pytest.fixture
def inbox(experiment_url):
    async def count():
        database = await Database.connect(experiment_url, source="experiment", max_size=1)
        try:
            return await database.fetchval("SELECT count(*) FROM fp_inbox WHERE consumer = $1", LINEAGE.name)
        finally:
            await database.close()

    return count


async def test_the_chain_from_data_to_retrain_comes_out_of_events(ann, bus, inbox):
    sent = loop()
    # In an order that no producer would choose: streams do not wait for each other.
    await bus.publish(list(reversed(sent)))
    await until(inbox, len(sent))
    answer = await ann(pb.GetLineageRequest(model_name="late", version="1"))
    edges = {(edge.from_id, edge.to_id, pb.LineageRelation.Name(edge.relation)[17:]) for edge in answer.edges}
    assert {
        ("flights", "x1", "READ_BY"),
        ("x1", "late@1", "PRODUCED"),
        ("late@1", "late@1", "DEPLOYED"),
        ("late@1", "w9", "DRIFTED"),
        ("w9", "x2", "RETRAINED"),
        ("x2", "late@2", "PRODUCED"),
        ("late@2", "late@2", "DEPLOYED"),
    } <= edges
    run = next(node for node in answer.nodes if node.id == "x1")
    assert (run.facts["status"], run.facts["read.flights"]) == ("FINISHED", "as_of 2013-03-01")
    report = next(node for node in answer.nodes if node.kind == pb.LINEAGE_KIND_DRIFT_REPORT)
    assert report.facts["severity"] == "CRITICAL"
    back = await ann(pb.GetLineageRequest(model_name="late", version="2"))
    assert {"flights", "x1", "w9", "x2"} <= {node.id for node in back.nodes}


async def test_two_replicas_tell_each_event_once_and_share_their_clients(start, bus, inbox, experiment_url):
    one, other = await start(), await start()
    callers = [one.engineer(), other.engineer()]
    run = await callers[0].run()
    sent = [each for _ in range(20) for each in loop()]
    writes = (callers[n % 2].log(run, [float(n)] * 50, start=n * 25) for n in range(20))
    accepted, _ = await asyncio.gather(asyncio.gather(*writes), bus.publish([*sent, *sent[:50]]))
    await until(inbox, len(sent))
    # Each call overlaps its neighbour's: whoever came first, every step was accepted once.
    assert sum(accepted) == 19 * 25 + 50
    ended = pb.UpdateRunStatusRequest(run_id=run.id, status=pb.RUN_STATUS_FINISHED)
    await asyncio.gather(*(caller(ended) for caller in callers))
    answers = [await caller(pb.GetLineageRequest(model_name="late", version="2")) for caller in callers]
    assert answers[0] == answers[1]
    database = await Database.connect(experiment_url, source="experiment", max_size=1)
    assert await database.fetchval("SELECT count(*) FROM metric_points") == sum(accepted)
    assert await database.fetchval("SELECT count(*) FROM lineage_edges") == len(set(map(_edge, answers[0].edges)))
    await database.close()


def _edge(edge):
    return edge.from_kind, edge.from_id, edge.to_kind, edge.to_id


async def test_a_run_tells_its_start_and_its_end_once(ann, bus):
    run = await ann.run()
    await ann.log(run, [0.5])
    for _ in range(2):
        await ann(pb.UpdateRunStatusRequest(run_id=run.id, status=pb.RUN_STATUS_FINISHED))
    heard: list[Event] = []
    ended = asyncio.Event()

    async def note(event):
        heard.append(event)
        if event.type.endswith("finished"):
            ended.set()

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        hearing = group.create_task(bus.broadcast(Broadcast("test", ("fp.experiments.>",), deliver="all"), note))
        await ended.wait()
        hearing.cancel()
    assert Counter(event.type for event in heard) == {
        "fp.experiments.run.created": 1,
        "fp.experiments.run.finished": 1,
    }
    assert heard[-1].payload.final_metrics[0].value == 0.5
    assert [event.sequence for event in heard] == [1, 2]
