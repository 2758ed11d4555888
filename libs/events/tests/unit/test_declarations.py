from datetime import timedelta

import pytest
from fp_events import CONSUMERS, STREAMS, Broadcast, Consumer, Retention, Stream
from fp_events.message.subjects import intersection
from fp_events.streams import DLQ, INFERENCE, MODELS, PREDICTIONS, USAGE, Discard, by_stream, with_relatives
from fp_events.streams.limits import check, limited


def test_the_streams_are_those_of_the_page():
    days = {stream.name: (stream.subjects, stream.max_age / timedelta(days=1)) for stream in STREAMS}
    assert days == {
        "MODELS": (("fp.models.>",), 30),
        "PIPELINES": (("fp.pipelines.>",), 30),
        "INFERENCE": (("fp.inference.>",), 3),
        "PREDICTIONS": (("fp.inference.>",), 3),
        "FEATURES": (("fp.features.>",), 7),
        "EXPERIMENTS": (("fp.experiments.>",), 7),
        "NOTIFICATIONS": (("fp.notifications.>",), 7),
        "AUTH": (("fp.auth.>",), 7),
        "BILLING": (("fp.billing.quota.>", "fp.billing.invoice.>", "fp.billing.plan.>", "fp.billing.payment.>"), 90),
        "USAGE": (("fp.billing.usage.>",), 7),
        "AUDIT": (("fp.audit.>",), 90),
        "DLQ": (("fp.dlq.>",), 90),
    }


def test_only_inference_goes_by_interest_and_only_what_copies_or_sums_forgets_its_oldest():
    assert [stream for stream in STREAMS if stream.retention is Retention.INTEREST] == [INFERENCE]
    assert [stream for stream in STREAMS if stream.discard is Discard.OLD] == [PREDICTIONS, USAGE]


def test_only_billing_can_hold_predictions_back():
    assert [consumer.name for consumer in CONSUMERS if INFERENCE in consumer.streams] == ["billing"]
    assert {consumer.name for consumer in CONSUMERS if PREDICTIONS in consumer.streams} == {
        "monitor-log",
        "monitor-traffic",
        "pipeline-canary",
    }


def test_whoever_looks_without_taking_reads_the_copy():
    assert list(by_stream(("fp.inference.>",))) == [PREDICTIONS]
    assert list(Broadcast("watch", ("fp.inference.>",)).streams) == [PREDICTIONS]


def test_a_stream_is_made_with_its_copy_and_a_copy_behind_its_origin():
    assert with_relatives([INFERENCE]) == [INFERENCE, PREDICTIONS]
    assert with_relatives([PREDICTIONS, MODELS])[-1] == PREDICTIONS
    assert set(with_relatives([PREDICTIONS, MODELS])) == {INFERENCE, MODELS, PREDICTIONS}


def test_an_installation_sets_sizes_and_ages():
    set_by = {"FP_STREAM_USAGE_MAX_BYTES": "1000000", "FP_STREAM_USAGE_MAX_HOURS": "1.5"}
    usage = limited(USAGE, set_by)
    assert (usage.max_bytes, usage.max_age) == (1_000_000, timedelta(minutes=90))
    assert limited(MODELS, set_by) == MODELS


@pytest.mark.parametrize("written", ["1 GiB", "0", "-1", "nan", "inf"])
def test_a_limit_that_is_no_number_is_refused_by_its_name(written):
    with pytest.raises(ValueError, match="FP_STREAM_DLQ_MAX_BYTES"):
        check({"FP_STREAM_DLQ_MAX_BYTES": written})


def test_every_stream_states_its_size():
    assert all(stream.max_bytes > 0 for stream in STREAMS)


def test_no_two_streams_share_a_subject():
    published = [stream for stream in STREAMS if not stream.copy_of]
    for stream in published:
        others = [subject for other in published if other is not stream for subject in other.subjects]
        assert not any(intersection(subject, other) for subject in stream.subjects for other in others)


def test_no_two_durables_share_a_name():
    assert len({consumer.name for consumer in CONSUMERS}) == len(CONSUMERS)


def test_a_consumer_reads_every_stream_of_its_subjects_and_its_replays():
    consumer = Consumer("pipeline", ("fp.models.version.ready", "fp.inference.>"))
    assert consumer.streams == {
        MODELS: ("fp.models.version.ready",),
        PREDICTIONS: ("fp.inference.>",),
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
