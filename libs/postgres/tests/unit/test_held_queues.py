from fp_kernel import InvalidArgument, ResourceExhausted, Unavailable
from fp_postgres.held_queues import HeldQueues, queue_for

USAGE = "fp.models.registered"
OTHER = "fp.pipelines.completed"


def test_a_full_stream_holds_its_events_and_no_others():
    holds = HeldQueues()
    holds.add(queue_for(ResourceExhausted("full", reason="STREAM_FULL"), USAGE, "team"), 0.0)
    assert holds.queue_of(USAGE, "another") == "MODELS"
    assert holds.queue_of(OTHER, "team") is None


def test_a_stream_that_does_not_answer_is_held_as_a_whole():
    assert queue_for(Unavailable("no stream"), USAGE, "team") == "MODELS"


def test_a_refused_event_holds_its_resource_in_its_stream():
    holds = HeldQueues()
    holds.add(queue_for(InvalidArgument("too large"), USAGE, "team"), 0.0)
    assert holds.queue_of(USAGE, "team") == "MODELS team"
    assert holds.queue_of(USAGE, "another") is None
    assert holds.queue_of(OTHER, "team") is None


def test_each_queue_has_a_pause_of_its_own_that_grows_and_ends():
    holds = HeldQueues()
    holds.add("MODELS", 0.0)
    assert holds.due(0.1) is None
    assert holds.due(0.2) == "MODELS"
    waits = []
    now = 0.2
    for _ in range(10):
        holds.failed("MODELS", now)
        waits.append(round(holds.wait(now), 1))
        now += waits[-1]
    assert waits == [0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0, 30.0]
    holds.add("PIPELINES", now)
    assert holds.due(now) is None or holds.due(now) == "MODELS"
    holds.went("MODELS", now)
    assert holds.due(now) == "MODELS"
    assert not holds.is_probe("MODELS")
    holds.end("MODELS")
    assert holds.due(now) is None
