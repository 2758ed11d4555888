"""From a promotion to a retraining, through real stores."""

import asyncio
from datetime import UTC, datetime

import pytest
from forgepoint.common.v1 import model_pb2
from forgepoint.events.v1 import events_pb2
from forgepoint.monitor.v1 import monitor_pb2 as pb
from fp_events import Event
from fp_events.consumer.tail import tail
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import real_now
from google.protobuf.duration_pb2 import Duration

PIPELINE = "018f0000-0000-7000-8000-0000000000bb"
DATA, PREDICTION, PERFORMANCE = pb.DRIFT_TYPE_DATA, pb.DRIFT_TYPE_PREDICTION, pb.DRIFT_TYPE_PERFORMANCE


async def watched(replica, client, publish, eventually, story, **config):
    """A monitor with its baseline."""
    engineer = client((await replica()).grpc_address)
    await engineer.configure(**config)
    await publish(story.promoted())
    await eventually(engineer.status, lambda found: found.monitor.baseline_version == "1")
    return engineer


async def counted(engineer, eventually, total):
    """Waits until so many predictions were counted into windows of inputs."""

    async def look():
        closed = [each.sample_count for each in await engineer.reports() if each.drift_type == DATA]
        return sum(closed) + (await engineer.status()).current_window_samples

    await eventually(look, lambda found: found >= total)


async def test_windows_without_drift_say_ok(replica, client, publish, eventually, story):
    engineer = await watched(replica, client, publish, eventually, story)
    assert (await engineer.status()).state == pb.MONITOR_STATE_WARMING_UP
    await publish(*story.completed(450))
    await counted(engineer, eventually, 450)
    reports = await engineer.reports()
    assert sorted(report.drift_type for report in reports) == [DATA, DATA, PREDICTION, PREDICTION]
    assert {report.severity for report in reports} == {pb.DRIFT_SEVERITY_OK}
    assert {report.sample_count for report in reports} == {200}
    assert len({report.window_id for report in reports}) == 4
    status = await engineer.status()
    assert (status.current_window_samples, status.state) == (50, pb.MONITOR_STATE_ACTIVE)
    assert status.drift_events_total == 0


async def test_drift_of_the_inputs_informs_and_retrains_nothing(bus, replica, client, publish, eventually, story):
    engineer = await watched(
        replica, client, publish, eventually, story, auto_retrain=True, retrain_pipeline_id=PIPELINE
    )
    async with tail(bus, "fp.models.drift.detected") as passing:
        await publish(*story.completed(400, shift=0.5))
        async with asyncio.timeout(PATIENCE):
            passed = await anext(aiter(passing))
    event = passed.event
    payload = event.payload
    assert (payload.drift_type, payload.severity) == (events_pb2.DRIFT_TYPE_DATA, events_pb2.DRIFT_SEVERITY_CRITICAL)
    assert not payload.auto_retrain
    assert payload.retrain_pipeline_id == ""
    assert (event.resource_id, event.team) == (story.model_id, "alpha")
    assert "hour" in event.summary
    first, second = sorted(
        (each for each in await engineer.reports() if each.drift_type == DATA), key=lambda each: each.id
    )
    assert [first.severity, second.severity] == [pb.DRIFT_SEVERITY_OK, pb.DRIFT_SEVERITY_CRITICAL]
    assert payload.report_id == second.id
    bad = {metric.name for metric in second.metrics if metric.severity != pb.DRIFT_SEVERITY_OK}
    assert bad == {"hour"}
    health = await engineer.health()
    assert health.severity_by_type[DATA] == pb.DRIFT_SEVERITY_CRITICAL
    assert health.severity_by_type[PREDICTION] == pb.DRIFT_SEVERITY_OK
    assert (health.overall_severity, health.model_version) == (pb.DRIFT_SEVERITY_CRITICAL, "1")


async def lost(engineer, publish, eventually, story):
    """A window of predictions whose labels say that the model knows nothing any more."""
    events = story.completed(200, skill=0.0)
    await publish(*events)

    async def known():
        return await engineer.label(story.truth_of(events))

    # The labels come before the predictions were counted: unmatched, and sent again.
    answer = await eventually(known, lambda found: not found.unmatched_request_ids)
    return events, answer


async def test_lost_performance_asks_for_a_new_model_once(bus, replica, client, publish, eventually, story):
    engineer = await watched(
        replica, client, publish, eventually, story, auto_retrain=True, retrain_pipeline_id=PIPELINE
    )
    async with tail(bus, "fp.models.drift.detected") as passing:
        await lost(engineer, publish, eventually, story)
        async with asyncio.timeout(PATIENCE):
            passed = await anext(aiter(passing))
        payload = passed.event.payload
        assert payload.drift_type == events_pb2.DRIFT_TYPE_PERFORMANCE
        assert (payload.auto_retrain, payload.retrain_pipeline_id) == (True, PIPELINE)
        context = dict(payload.retrain_context)
        assert datetime.fromisoformat(context["newest_labelled_at"]) == payload.window_end.ToDatetime(UTC)
        assert datetime.fromisoformat(context["window_start"]) == datetime(2013, 6, 1, tzinfo=UTC)
        by_name = {metric.name: metric for metric in payload.metrics}
        assert by_name["auc"].baseline_value == pytest.approx(0.8)
        await lost(engineer, publish, eventually, story)
        async with asyncio.timeout(PATIENCE):
            again = (await anext(aiter(passing))).event.payload
        assert not again.auto_retrain, "asked a moment ago"
    (report,) = [each for each in await engineer.reports() if each.retrain_requested]
    assert report.id == payload.report_id


async def test_a_failed_retraining_does_not_burn_the_cooldown(bus, replica, client, publish, eventually, story):
    engineer = await watched(
        replica, client, publish, eventually, story, auto_retrain=True, retrain_pipeline_id=PIPELINE
    )
    await lost(engineer, publish, eventually, story)

    def event_of(subject, payload, moment):
        moment.FromDatetime(real_now())
        return Event(subject, payload, "alpha", "execution", "PredictionRecorded.", source="pipeline")

    started = events_pb2.PipelineStarted(pipeline_id=PIPELINE)
    failed = events_pb2.PipelineFailed(pipeline_id=PIPELINE)
    await publish(event_of("fp.pipelines.started", started, started.started_at))
    await publish(event_of("fp.pipelines.failed", failed, failed.failed_at))

    async def asked_again():
        await lost(engineer, publish, eventually, story)
        return [each for each in await engineer.reports() if each.retrain_requested]

    assert len(await eventually(asked_again, lambda found: len(found) > 1)) == 2


async def test_labels_are_joined_and_the_others_are_told(replica, client, publish, eventually, story):
    engineer = await watched(replica, client, publish, eventually, story)
    events = story.completed(3)
    await publish(*events)
    await counted(engineer, eventually, 3)
    truths = story.truth_of(events)
    answer = await engineer.label({**truths, "nobody": "late"})
    assert (answer.accepted, list(answer.unmatched_request_ids)) == (3, ["nobody"])
    again = await engineer.label(truths)
    assert (again.accepted, list(again.repeated_request_ids)) == (0, list(truths))


async def test_another_version_is_not_counted(replica, client, publish, eventually, story):
    engineer = await watched(replica, client, publish, eventually, story)
    await publish(*story.completed(10, version="2"), *story.completed(5))
    await counted(engineer, eventually, 5)
    assert (await engineer.status()).current_window_samples == 5


async def test_traffic_that_stays_behind_a_rollback_is_told_and_not_called_ok(
    replica, client, publish, eventually, story
):
    engineer = await watched(replica, client, publish, eventually, story)
    before = await engineer.health()
    assert (before.overall_severity, before.reason[:24]) == (pb.DRIFT_SEVERITY_UNSPECIFIED, "no window has been judge")
    await publish(*story.completed(200))
    await eventually(engineer.health, lambda found: found.overall_severity == pb.DRIFT_SEVERITY_OK and not found.reason)
    await publish(story.promoted("0"))
    await eventually(engineer.status, lambda found: found.monitor.served_version == "0")
    await publish(*story.completed(12))
    status = await eventually(engineer.status, lambda found: found.unwatched_predictions == 12)
    assert (status.unwatched_version, status.current_window_samples) == ("1", 0)
    health = await engineer.health()
    assert (health.overall_severity, health.unwatched_predictions) == (pb.DRIFT_SEVERITY_UNSPECIFIED, 12)
    assert "version 0" in health.reason
    assert "version 1" in health.reason
    await publish(*story.completed(200, version="0"))
    await eventually(engineer.health, lambda found: found.overall_severity == pb.DRIFT_SEVERITY_OK)


async def test_a_promotion_brings_its_baseline_and_starts_afresh(replica, client, publish, eventually, story):
    engineer = await watched(replica, client, publish, eventually, story)
    await publish(*story.completed(230))
    await counted(engineer, eventually, 230)
    old = story.promoted("0")
    await publish(story.promoted("2", model_pb2.BaselineProfile(sample_count=1)))
    status = await eventually(engineer.status, lambda found: found.monitor.baseline_version == "2")
    assert (status.current_window_samples, status.state) == (0, pb.MONITOR_STATE_WARMING_UP)
    # The event of an earlier promotion comes late.
    await publish(old)
    reset = await engineer.stub.ResetBaseline(pb.ResetBaselineRequest(model_name="delays", baseline_version="1"))
    assert (reset.monitor.baseline_version, reset.monitor.served_version) == ("1", "2")
    back = await engineer.stub.ResetBaseline(pb.ResetBaselineRequest(model_name="delays"))
    assert back.monitor.baseline_version == "2"


async def test_a_monitor_finds_the_baseline_that_came_before_it(replica, client, publish, eventually, story):
    engineer = client((await replica()).grpc_address)
    await publish(story.promoted())
    made = await eventually(
        engineer.configure, lambda found: found.monitor.baseline_version == "1" or not found.created
    )
    if not made.monitor.baseline_version:
        await eventually(engineer.status, lambda found: found.monitor.baseline_version == "1")
    assert (await engineer.status()).monitor.served_version == "1"


async def test_a_profile_that_contradicts_itself_becomes_a_dead_letter(
    bus, replica, client, publish, eventually, story
):
    engineer = client((await replica()).grpc_address)
    await engineer.configure()
    torn = model_pb2.NumericBins(edges=[1.0, 2.0], counts=[1])
    feature = model_pb2.FeatureBaseline(name="hour", numeric=torn)
    await publish(story.promoted("1", model_pb2.BaselineProfile(features=[feature])))
    (letter,) = await eventually(bus.dead_letters.list, lambda found: found)
    assert letter.consumer == "monitor"
    await publish(story.promoted("2"))
    await eventually(engineer.status, lambda found: found.monitor.baseline_version == "2")


async def test_the_clock_closes_a_window_that_gets_no_more_events(replica, client, publish, eventually, story):
    engineer = await watched(
        replica, client, publish, eventually, story, window_size=0, window_duration=Duration(nanos=300_000_000)
    )
    await publish(*story.completed(60))
    reports = await eventually(engineer.reports, lambda found: len(found) >= 2)
    assert {report.sample_count for report in reports} == {60}


async def test_streams_hear_of_reports_in_another_replica(replica, client, publish, eventually, story):
    here = await watched(replica, client, publish, eventually, story)
    there = client((await replica()).grpc_address, role="viewer")
    stream = there.stub.StreamDriftEvents(pb.StreamDriftEventsRequest())
    heard: list[pb.DriftReport] = []

    async def hear():
        async for message in stream:
            heard.append(message.report)
            if len(heard) >= 6:
                return

    async def another_window():
        await publish(*story.completed(200))
        return len(heard)

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        listening = group.create_task(hear())
        # Nobody is told when a stream has begun to listen: windows are made until it hears of one.
        await eventually(another_window, lambda found: found > 0)
        await publish(*story.completed(600))
        await listening
    made = [report.id for report in sorted(await here.reports(), key=lambda each: each.id)]
    first = made.index(heard[0].id)
    assert [report.id for report in heard] == made[first : first + len(heard)], "none is missed, none is told twice"


async def test_two_replicas_count_every_prediction_once(replica, client, publish, eventually, story):
    engineer = await watched(replica, client, publish, eventually, story)
    other = client((await replica()).grpc_address)
    events = story.completed(1_500)
    for first in range(0, 1_500, 100):
        await publish(*events[first : first + 100])
    await counted(engineer, eventually, 1_500)
    truths = story.truth_of(events)
    halves = [dict(list(truths.items())[:800]), dict(list(truths.items())[700:])]
    answers = await asyncio.gather(engineer.label(halves[0]), other.label(halves[1]))
    assert sum(answer.accepted for answer in answers) == 1_500
    assert sum(len(answer.repeated_request_ids) for answer in answers) == 100
    reports = [each async for each in _all(engineer)]
    assert [sum(1 for each in reports if each.drift_type == kind) for kind in (DATA, PREDICTION, PERFORMANCE)] == [
        7
    ] * 3
    assert {each.sample_count for each in reports} == {200}
    assert len({each.window_id for each in reports}) == 21
    assert (await other.status()).current_window_samples == 100


async def _all(client):
    token = ""
    while True:
        request = pb.ListDriftReportsRequest(pagination={"page_size": 4, "page_token": token})
        page = await client.stub.ListDriftReports(request)
        for report in page.reports:
            yield report
        token = page.pagination.next_page_token
        if not token:
            return
