from datetime import timedelta

import pytest
from fp_events import CONSUMERS, STREAMS, Broadcast, Consumer, Retention, Stream
from fp_events.streams import DLQ, INFERENCE, MODELS, by_stream
from fp_events.subjects import intersection


def test_the_streams_are_those_of_the_page():
    days = {stream.name: (stream.subjects, stream.max_age / timedelta(days=1)) for stream in STREAMS}
    assert days == {
        "MODELS": (("fp.models.>",), 30),
        "PIPELINES": (("fp.pipelines.>",), 30),
        "INFERENCE": (("fp.inference.>",), 3),
        "FEATURES": (("fp.features.>",), 7),
        "EXPERIMENTS": (("fp.experiments.>",), 7),
        "NOTIFICATIONS": (("fp.notifications.>",), 7),
        "AUTH": (("fp.auth.>",), 7),
        "BILLING": (("fp.billing.>",), 90),
        "AUDIT": (("fp.audit.>",), 90),
        "DLQ": (("fp.dlq.>",), 90),
    }


def test_only_inference_goes_by_interest():
    assert [stream for stream in STREAMS if stream.retention is Retention.INTEREST] == [INFERENCE]


def test_every_stream_states_its_size():
    assert all(stream.max_bytes > 0 for stream in STREAMS)


def test_no_two_streams_share_a_subject():
    for stream in STREAMS:
        others = [subject for other in STREAMS if other is not stream for subject in other.subjects]
        assert not any(intersection(subject, other) for subject in stream.subjects for other in others)


def test_no_two_durables_share_a_name():
    assert len({consumer.name for consumer in CONSUMERS}) == len(CONSUMERS)


def test_a_consumer_reads_every_stream_of_its_subjects_and_its_replays():
    consumer = Consumer("pipeline", ("fp.models.version.ready", "fp.inference.>"))
    assert consumer.streams == {
        MODELS: ("fp.models.version.ready",),
        INFERENCE: ("fp.inference.>",),
        DLQ: ("fp.dlq.pipeline.replay.>",),
    }


def test_a_wide_pattern_is_cut_to_each_stream():
    assert by_stream(("fp.*.created",))[MODELS] == ("fp.models.created",)


def test_a_consumer_of_everything_does_not_take_the_dead_letters_of_others():
    assert Consumer("notification", ("fp.>",)).streams[DLQ] == ("fp.dlq.notification.replay.>",)


def test_an_inbox_remembers_as_long_as_the_longest_stream():
    assert Consumer("x", ("fp.models.>", "fp.inference.>")).retention == timedelta(days=30)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Two.Tokens"},
        {"subjects": ()},
        {"subjects": ("strays.>",)},
        {"subjects": ("fp.models",)},
        {"subjects": ("fp..x",)},
        {"batch": 0},
        {"backoff": ()},
        {"max_attempts": 0},
    ],
)
def test_a_consumer_that_could_not_work_is_refused(wrong):
    with pytest.raises(ValueError, match=r"consumer|stream"):
        Consumer(**{"name": "good", "subjects": ("fp.models.>",), **wrong})


def test_a_broadcast_of_a_subject_that_nobody_keeps_is_refused():
    with pytest.raises(ValueError, match="no stream"):
        Broadcast("routes", ("strays.moved",))


def test_a_stream_of_no_pattern_is_refused():
    with pytest.raises(ValueError, match="patterns"):
        Stream("BAD", ("fp.>.x",), timedelta(days=1))
