"""The API: what it refuses, what it repeats, what it hides."""

from typing import Any

import pytest
from forgepoint.monitor.v1 import monitor_pb2 as pb
from fp_kernel import (
    Aborted,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unavailable,
    Unimplemented,
    new_id,
)
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

PSI, KS = pb.DRIFT_METHOD_PSI, pb.DRIFT_METHOD_KS


def threshold(kind: Any, method: Any, warn: float, critical: float) -> pb.ThresholdConfig:
    return pb.ThresholdConfig(drift_type=kind, method=method, warn_score=warn, critical_score=critical)


async def test_a_monitor_is_read_back_as_it_was_configured(replica, client):
    engineer = client((await replica()).grpc_address)
    made = await engineer.configure(
        window_duration=Duration(seconds=60),
        thresholds=[threshold(pb.DRIFT_TYPE_DATA, KS, 0.2, 0.4)],
        retrain_cooldown=Duration(seconds=5),
    )
    assert made.created
    monitor = made.monitor
    assert (monitor.owner_team, monitor.state) == ("alpha", pb.MONITOR_STATE_PENDING_BASELINE)
    assert monitor.thresholds[0].critical_score == pytest.approx(0.4)
    assert [each.drift_type for each in monitor.thresholds[1:]] == [2, 3], "the defaults of the other kinds are told"
    assert (await engineer.status()).monitor == monitor
    paused = await engineer.configure(enabled=False)
    assert (paused.created, paused.monitor.state) == (False, pb.MONITOR_STATE_PAUSED)
    assert (paused.monitor.id, paused.monitor.retrain_cooldown.seconds) == (monitor.id, 3_600)


async def test_who_did_not_see_the_last_change_of_a_monitor_overwrites_nothing(replica, client):
    engineer = client((await replica()).grpc_address)
    made = (await engineer.configure(expected_revision=0)).monitor
    with pytest.raises(Aborted, match="was made meanwhile by engineer-of-alpha"):
        await engineer.configure(expected_revision=0, window_size=300)
    paused = (await engineer.configure(expected_revision=made.revision, enabled=False)).monitor
    with pytest.raises(Aborted) as caught:
        await engineer.configure(expected_revision=made.revision, window_size=300)
    assert (caught.value.reason, caught.value.metadata["revision"]) == ("REVISION_CHANGED", str(paused.revision))
    assert (await engineer.status()).monitor == paused
    with pytest.raises(InvalidArgument, match="expected_revision"):
        await engineer.configure(expected_revision=-1)
    with pytest.raises(Aborted, match="was changed meanwhile by engineer-of-alpha"):
        await engineer.stub.DeleteMonitor(pb.DeleteMonitorRequest(model_name="delays", expected_revision=made.revision))
    seen = pb.DeleteMonitorRequest(model_name="delays", expected_revision=paused.revision)
    await engineer.stub.DeleteMonitor(seen)
    with pytest.raises(Aborted, match="is not there any more"):
        await engineer.configure(expected_revision=paused.revision)
    with pytest.raises(Aborted, match="is not there any more"):
        await engineer.stub.DeleteMonitor(seen)
    again = (await engineer.configure()).monitor
    with pytest.raises(Aborted, match="was changed meanwhile by engineer-of-alpha"):
        await engineer.configure(expected_revision=made.revision, window_size=300)
    assert (await engineer.status()).monitor == again, "one made in the place of a deleted one is another"


BAD: list[tuple[str, dict[str, Any]]] = [
    ("model_name", {"model_name": ""}),
    ("window_size", {"window_size": 1_000_001}),
    ("window_size", {"window_size": 0, "min_samples": 0}),
    ("window_duration", {"window_duration": Duration(seconds=-1)}),
    ("min_samples", {"min_samples": 201}),
    ("retrain_pipeline_id", {"auto_retrain": True}),
    ("thresholds[0].drift_type", {"thresholds": [threshold(0, PSI, 0.1, 0.2)]}),
    ("thresholds[0].method", {"thresholds": [threshold(1, 0, 0.1, 0.2)]}),
    ("thresholds[0].critical_score", {"thresholds": [threshold(1, PSI, 0.1, 0.05)]}),
]


async def test_a_bad_field_is_named(replica, client):
    engineer = client((await replica()).grpc_address)
    for field, changes in BAD:
        with pytest.raises(InvalidArgument) as raised:
            await engineer.configure(**changes)
        assert [each.field for each in raised.value.fields] == [field]
    with pytest.raises(NotFound):
        await engineer.status()


async def test_bad_reads_are_named(replica, client):
    engineer = client((await replica()).grpc_address)
    calls = [
        ("report_id", engineer.stub.GetDriftReport, pb.GetDriftReportRequest(report_id="r")),
        ("min_severity", engineer.stub.ListMonitors, pb.ListMonitorsRequest(min_severity=9)),  # type: ignore[arg-type]
        ("state", engineer.stub.ListMonitors, pb.ListMonitorsRequest(state=9)),  # type: ignore[arg-type]
        ("since", engineer.stub.ListDriftReports, pb.ListDriftReportsRequest(since=Timestamp(seconds=10**15))),
        (
            "pagination.page_token",
            engineer.stub.ListDriftReports,
            pb.ListDriftReportsRequest(pagination={"page_token": "x"}),
        ),
        ("model_name", engineer.stub.GetModelHealth, pb.GetModelHealthRequest()),
        ("labels", engineer.stub.SubmitGroundTruth, pb.SubmitGroundTruthRequest(model_name="delays")),
    ]
    for field, call, request in calls:
        with pytest.raises(InvalidArgument) as raised:
            await call(request)
        assert [each.field for each in raised.value.fields] == [field]


async def test_another_team_sees_nothing(replica, client):
    address = (await replica()).grpc_address
    await client(address).configure()
    other = client(address, team="beta")
    assert not (await other.stub.ListMonitors(pb.ListMonitorsRequest())).entries
    for call in (other.status, other.health, lambda: other.label({"r": "late"})):
        with pytest.raises(NotFound) as refused:
            await call()
        assert refused.value.reason == "MONITOR_NOT_FOUND"
    # What is not there is as it was asked for; alpha's monitor stays.
    assert not (await other.stub.DeleteMonitor(pb.DeleteMonitorRequest(model_name="delays"))).purged_report_count
    assert len((await client(address).stub.ListMonitors(pb.ListMonitorsRequest())).entries) == 1
    with pytest.raises(NotFound) as refused:
        await other.stub.GetDriftReport(pb.GetDriftReportRequest(report_id=new_id()))
    assert refused.value.reason == "REPORT_NOT_FOUND"
    stream = other.stub.StreamDriftEvents(pb.StreamDriftEventsRequest(model_name="delays"))
    with pytest.raises(NotFound):
        await anext(aiter(stream))


async def test_a_viewer_reads_and_changes_nothing(replica, client):
    address = (await replica()).grpc_address
    await client(address).configure()
    viewer = client(address, role="viewer")
    assert len((await viewer.stub.ListMonitors(pb.ListMonitorsRequest())).entries) == 1
    for call in (viewer.configure, lambda: viewer.label({"r": "late"})):
        with pytest.raises(PermissionDenied):
            await call()


async def test_generated_answers_are_not_judged_yet(replica, client):
    with pytest.raises(Unimplemented):
        await client((await replica()).grpc_address).stub.ListEvalScores(pb.ListEvalScoresRequest(model_name="delays"))


async def test_the_same_key_is_answered_the_same(replica, client):
    engineer = client((await replica()).grpc_address)
    first = await engineer.configure(idempotency_key="k")
    assert await engineer.configure(idempotency_key="k") == first
    assert first.created
    with pytest.raises(InvalidArgument, match="idempotency_key"):
        await engineer.configure(idempotency_key="k", window_size=300)


async def test_the_same_labels_twice_are_answered_the_same(replica, client, publish, eventually, story):
    engineer = client((await replica()).grpc_address)
    await engineer.configure()
    events = story.completed(5)
    await publish(*events)
    truths = story.truth_of(events)

    async def labelled():
        return await engineer.label(truths)

    # Without a baseline there is no window, and labels are kept all the same.
    await eventually(engineer.status, lambda found: found.HasField("last_event_at"))
    answer = await engineer.label(truths, key="labels")
    assert answer.accepted == 5
    assert await engineer.label(truths, key="labels") == answer
    assert (await labelled()).accepted == 0


async def test_a_baseline_that_is_not_here_cannot_be_taken(replica, client):
    engineer = client((await replica()).grpc_address)
    await engineer.configure()
    for version in ("", "7"):
        with pytest.raises(FailedPrecondition):
            await engineer.stub.ResetBaseline(pb.ResetBaselineRequest(model_name="delays", baseline_version=version))


async def test_lists_are_filtered_and_paged(replica, client, publish, eventually, story):
    engineer = client((await replica()).grpc_address)
    for name in ("a", "b", "c"):
        await engineer.configure(model_name=name, enabled=name != "b")
    await engineer.configure()
    await publish(story.promoted())
    await eventually(engineer.status, lambda found: found.monitor.baseline_version)
    await publish(*story.completed(400, shift=0.5))
    await eventually(engineer.health, lambda found: found.overall_severity == pb.DRIFT_SEVERITY_CRITICAL)

    async def names(**filters: Any) -> list[str]:
        found = await engineer.stub.ListMonitors(pb.ListMonitorsRequest(**filters))
        return [entry.monitor.model_name for entry in found.entries]

    assert await names() == ["a", "b", "c", "delays"]
    assert await names(state=pb.MONITOR_STATE_PAUSED) == ["b"]
    assert await names(min_severity=pb.DRIFT_SEVERITY_WARNING) == ["delays"]
    page = await engineer.stub.ListMonitors(pb.ListMonitorsRequest(pagination={"page_size": 3}))
    assert await names(pagination={"page_size": 3, "page_token": page.pagination.next_page_token}) == ["delays"]
    (bad,) = await engineer.reports(min_severity=pb.DRIFT_SEVERITY_WARNING)
    assert (await engineer.stub.GetDriftReport(pb.GetDriftReportRequest(report_id=bad.id))).report == bad
    assert bad in await engineer.reports(since=bad.window_end)
    assert bad not in await engineer.reports(until=bad.window_end)


async def test_a_deleted_monitor_leaves_its_reports_unless_they_are_purged(replica, client, publish, eventually, story):
    engineer = client((await replica()).grpc_address)
    await engineer.configure()
    await publish(story.promoted())
    await eventually(engineer.status, lambda found: found.monitor.baseline_version)
    await publish(*story.completed(200))
    await eventually(engineer.reports, lambda found: len(found) == 2)
    deleted = await engineer.stub.DeleteMonitor(pb.DeleteMonitorRequest(model_name="delays"))
    assert deleted.purged_report_count == 0
    assert len(await engineer.reports()) == 2
    assert (await engineer.configure()).created
    purged = await engineer.stub.DeleteMonitor(pb.DeleteMonitorRequest(model_name="delays", purge_reports=True))
    assert purged.purged_report_count == 2
    assert not await engineer.reports()


async def test_a_model_and_a_pipeline_that_do_not_exist_are_refused(replica, client, peers):
    engineer = client((await replica()).grpc_address)
    with pytest.raises(NotFound, match="no model nobody") as unknown:
        await engineer.configure(model_name="nobody")
    assert unknown.value.reason == "MODEL_NOT_FOUND"
    with pytest.raises(InvalidArgument) as refused:
        await engineer.configure(retrain_pipeline_id=new_id())
    assert refused.value.fields[0].field == "retrain_pipeline_id"
    assert (await engineer.configure(retrain_pipeline_id=peers.pipeline)).created
    asked = len(peers.asked)
    await engineer.configure(retrain_pipeline_id=peers.pipeline, enabled=False)
    assert len(peers.asked) == asked, "what is known already is not asked again"


async def test_what_cannot_be_known_is_not_configured(replica, client, peers):
    engineer = client((await replica()).grpc_address)
    await peers.server.stop(0)
    with pytest.raises(Unavailable):
        await engineer.configure()
    with pytest.raises(NotFound):
        await engineer.status()


async def test_a_model_that_was_promoted_is_known_without_asking(replica, client, publish, eventually, story, peers):
    engineer = client((await replica()).grpc_address)
    await publish(story.promoted())
    await peers.server.stop(0)

    async def configured():
        try:
            return await engineer.configure()
        except Unavailable:
            return None

    made = await eventually(configured, lambda found: found)
    assert made.monitor.served_version == "1"
