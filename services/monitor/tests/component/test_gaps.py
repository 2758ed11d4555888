"""Traffic that was dropped while nobody read it."""

import nats
import pytest
from forgepoint.monitor.v1 import monitor_pb2 as pb
from google.protobuf.duration_pb2 import Duration


@pytest.fixture
async def stream(nats_look_url):
    """JetStream itself."""
    connected = await nats.connect(nats_look_url)
    yield connected.jetstream()
    await connected.close()


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Some 150 of the story's predictions have room."""
    monkeypatch.setenv("FP_STREAM_PREDICTIONS_MAX_BYTES", "100000")


async def test_what_was_dropped_while_the_monitor_stood_still_is_in_its_status_and_in_the_report(
    replica, stream, client, publish, eventually, story
):
    async def held():
        return (await stream.stream_info("PREDICTIONS")).state

    first = await replica()
    engineer = client(first.grpc_address)
    # A day in which the gap of some seconds is nothing.
    await engineer.configure(window_duration=Duration(seconds=86_400))
    await publish(story.promoted())
    await eventually(engineer.status, lambda found: found.monitor.baseline_version == "1")
    await publish(*story.completed(100))
    await eventually(engineer.status, lambda found: found.current_window_samples == 100)
    assert not (await engineer.status()).gaps
    await first.stop()

    await publish(*story.completed(400))
    await eventually(held, lambda found: found.last_seq == 500)
    assert (await held()).first_seq > 101

    engineer = client((await replica()).grpc_address)
    await publish(*story.completed(100))
    reports = await eventually(engineer.reports, lambda found: any(each.sample_count == 200 for each in found))
    (gap,) = (await engineer.status()).gaps
    assert gap.since.ToNanoseconds() <= gap.until.ToNanoseconds()
    for report in reports:
        assert (report.gap, report.inconclusive, report.severity) == (gap, False, pb.DRIFT_SEVERITY_OK)
