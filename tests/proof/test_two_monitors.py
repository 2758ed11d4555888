"""Two processes watch one model, and each is killed once among its traffic: every report once, one retraining."""

import asyncio
import json
from collections import Counter
from datetime import timedelta

import numpy as np
import pytest
from forgepoint.common.v1 import model_pb2
from forgepoint.events.v1 import events_pb2
from forgepoint.monitor.v1 import monitor_pb2 as pb
from forgepoint.monitor.v1.monitor_pb2_grpc import MonitorServiceStub
from forgepoint.pipeline.v1.pipeline_pb2 import GetPipelineResponse
from forgepoint.pipeline.v1.pipeline_pb2_grpc import (
    PipelineOrchestratorServiceServicer,
    add_PipelineOrchestratorServiceServicer_to_server,
)
from forgepoint.registry.v1.registry_pb2 import GetModelResponse
from forgepoint.registry.v1.registry_pb2_grpc import RegistryServiceServicer, add_RegistryServiceServicer_to_server
from fp_events import Event
from fp_kernel import new_id
from fp_rpc import Server
from fp_telemetry import Metrics
from fp_testkit.wallclock import real_now
from replicas import answered, eventually, heard

pytestmark = pytest.mark.proof
WINDOW, WINDOWS, SLICE = 200, 20, 250
PREDICTIONS = WINDOW * WINDOWS
MODEL, MODEL_ID = "delays", "018f0000-0000-7000-8000-0000000000aa"
PIPELINE = "018f0000-0000-7000-8000-0000000000bb"
START = real_now() - timedelta(days=5)
DATA, PREDICTION, PERFORMANCE = pb.DRIFT_TYPE_DATA, pb.DRIFT_TYPE_PREDICTION, pb.DRIFT_TYPE_PERFORMANCE


def promoted() -> Event:
    even = model_pb2.NumericBins(edges=[0.25, 0.5, 0.75], counts=[2_500] * 4)
    profile = model_pb2.BaselineProfile(
        features=[model_pb2.FeatureBaseline(name="hour", numeric=even)],
        prediction=model_pb2.PredictionBaseline(labels=["on_time", "late"], label_counts=[5_000, 5_000], scores=even),
        metrics={"auc": 0.8, "log_loss": 0.5},
        sample_count=10_000,
    )
    payload = events_pb2.ModelPromoted(
        model_id=MODEL_ID, model_name=MODEL, version="1", to_stage=events_pb2.MODEL_STAGE_PRODUCTION
    )
    payload.baseline_profile.CopyFrom(profile)
    payload.promoted_at.FromDatetime(START)
    return Event("fp.models.promoted", payload, "alpha", MODEL_ID, "Promoted.", source="registry", sequence=1)


def completed(number: int, generator: np.random.Generator) -> Event:
    """The hour has moved, and the score knows nothing of what will be."""
    score = float(generator.random())
    payload = events_pb2.InferenceCompleted(
        request_id=f"request-{number}",
        model_id=MODEL_ID,
        model_name=MODEL,
        version="1",
        prediction_summary=events_pb2.PredictionSummary(
            top_label=str(int(score > 0.5)), top_score=max(score, 1 - score), output_stats={"score": score}
        ),
        feature_summary=events_pb2.FeatureSummary(feature_values={"hour": float(generator.random()) + 0.5}),
    )
    payload.completed_at.FromDatetime(START + timedelta(seconds=number))
    return Event("fp.inference.completed", payload, "alpha", MODEL_ID, "Answered.", source="inference", id=new_id())


async def reports(stub):
    found, token = [], ""
    while True:
        request = pb.ListDriftReportsRequest(model_name=MODEL, pagination={"page_size": 100, "page_token": token})
        page = await stub.ListDriftReports(request)
        found += page.reports
        token = page.pagination.next_page_token
        if not token:
            return found


async def label(stub, numbers):
    labels = [
        pb.GroundTruthLabel(request_id=f"request-{each}", actual_label=("late", "on_time")[each % 2])
        for each in numbers
    ]
    for each, number in zip(labels, numbers, strict=True):
        each.observed_at.FromDatetime(START + timedelta(hours=1, seconds=number))
    answer = await stub.SubmitGroundTruth(pb.SubmitGroundTruthRequest(model_name=MODEL, labels=labels))
    assert not answer.unmatched_request_ids
    return answer.accepted


async def watch(stub, bus):
    """Returns when the model is watched with its baseline."""
    config = {"window_size": WINDOW, "min_samples": 50, "enabled": True}
    await stub.ConfigureMonitor(
        pb.ConfigureMonitorRequest(model_name=MODEL, auto_retrain=True, retrain_pipeline_id=PIPELINE, **config)
    )
    await bus.publish([promoted()])

    async def watched():
        status = (await stub.GetMonitorStatus(pb.GetMonitorStatusRequest(model_name=MODEL))).status
        return status.monitor.baseline_version == "1"

    await eventually(watched)


class Peers(PipelineOrchestratorServiceServicer, RegistryServiceServicer):
    """Every pipeline and every model exists."""

    async def GetPipeline(self, request, context):
        return GetPipelineResponse()

    async def GetModel(self, request, context):
        return GetModelResponse()


@pytest.fixture
async def peers(issuer):
    """The address of a registry and a pipeline."""
    server = Server("pipeline", resolver=issuer.identity.resolver(), metrics=Metrics("pipeline"))
    server.add(add_PipelineOrchestratorServiceServicer_to_server, Peers())
    server.add(add_RegistryServiceServicer_to_server, Peers())
    port = await server.start("127.0.0.1:0")
    server.set_serving(True)
    yield f"127.0.0.1:{port}"
    await server.stop(0)


async def test_every_window_is_reported_once_by_two_of_which_each_dies_once(replicas, bus, peers):
    pair = await replicas("monitor", FP_MONITOR_POLL_SECONDS="0.1", FP_REGISTRY_ADDR=peers, FP_PIPELINE_ADDR=peers)
    first, second = (MonitorServiceStub(pair.channel(each, "engineer")) for each in (pair.first, pair.second))
    generator = np.random.default_rng(20)
    await watch(first, bus)
    events = [completed(number, generator) for number in range(PREDICTIONS)]

    async def publish(part):
        await bus.publish(events[part * SLICE : (part + 1) * SLICE])

    alone = await pair.under_deaths(publish, PREDICTIONS // SLICE)
    for stub in (first, second):
        await answered(lambda: stub.ListMonitors(pb.ListMonitorsRequest()))  # noqa: B023 -- awaited here

    async def windows():
        return sum(each.drift_type == DATA for each in await reports(first)) >= WINDOWS

    await eventually(windows)
    # Both get labels, some of them twice.
    calls = ((first, range(800)), (second, range(700, 1_500)), (first, range(1_400, 2_000)))
    accepted = await asyncio.gather(*(label(stub, numbers) for stub, numbers in calls))
    assert sum(accepted) == 2_000

    made = await reports(second)
    kinds = Counter(each.drift_type for each in made)
    assert kinds == {DATA: WINDOWS, PREDICTION: WINDOWS, PERFORMANCE: 2_000 // WINDOW}
    assert {each.sample_count for each in made} == {WINDOW}
    assert len({each.window_id for each in made}) == len(made)
    assert sum(each.retrain_requested for each in made) == 1
    alarms = {each.id for each in made if each.severity > pb.DRIFT_SEVERITY_OK}
    assert len(alarms) > WINDOWS / 2
    published = [event.payload for event in await heard(bus, "fp.models.drift.detected", len(alarms))]
    assert Counter(each.report_id for each in published) == Counter(alarms)
    assert sum(each.auto_retrain for each in published) == 1
    assert min(alone) > 0, "both had a part in it"
    print(
        json.dumps({"proof": "two monitors", "predictions": PREDICTIONS, "reports": len(made), "sent": len(published)})
    )
