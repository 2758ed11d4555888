import pytest
from fp_events.message.subjects import (
    dead_pattern,
    dead_subject,
    intersection,
    is_name,
    is_pattern,
    matches,
    original_subject,
    replay_pattern,
    replay_subject,
)
from hypothesis import given
from hypothesis import strategies as st

TOKEN = st.sampled_from(["fp", "models", "created", "ready"])
SUBJECT = st.lists(TOKEN, min_size=1, max_size=4).map(".".join)
PATTERN = st.builds(
    lambda tokens, rest: ".".join([*tokens, *rest]),
    st.lists(st.one_of(TOKEN, st.just("*")), min_size=1, max_size=3),
    st.sampled_from([[], [">"]]),
)


@pytest.mark.parametrize(
    ("pattern", "subject", "expected"),
    [
        ("fp.models.registered", "fp.models.registered", True),
        ("fp.models.registered", "fp.models", False),
        ("fp.models.*", "fp.models.registered", True),
        ("fp.models.*", "fp.models.version.ready", False),
        ("fp.models.>", "fp.models.version.ready", True),
        ("fp.models.>", "fp.models", False),
        ("*.models.>", "fp.models.x", True),
        (">", "fp", True),
    ],
)
def test_a_pattern_matches_as_the_server_does(pattern, subject, expected):
    assert matches(pattern, subject) is expected


@given(one=PATTERN, other=PATTERN, subject=SUBJECT)
def test_an_intersection_matches_what_both_match(one, other, subject):
    common = intersection(one, other)
    both = matches(one, subject) and matches(other, subject)
    assert (common is not None and matches(common, subject)) is both


@pytest.mark.parametrize("pattern", ["fp.>.x", "", "fp..x", "fp.a*", "fp.models. "])
def test_what_the_server_would_not_subscribe_to_is_no_pattern(pattern):
    assert not is_pattern(pattern)


def test_a_dead_letter_and_a_replay_cannot_be_taken_for_each_other():
    dead = dead_subject("billing", "fp.models.registered")
    replay = replay_subject("billing", "fp.models.registered")
    assert (dead, replay) == ("fp.dlq.billing.fp.models.registered", "fp.dlq.billing.replay.fp.models.registered")
    assert intersection(dead_pattern("billing"), replay_pattern("billing")) is None
    assert intersection(dead_pattern(), replay_pattern("billing")) is None


def test_a_replay_reaches_the_one_consumer_it_names():
    assert intersection(replay_pattern("billing"), replay_pattern("monitor")) is None


def test_a_replayed_event_has_its_first_subject():
    assert original_subject("fp.dlq.billing.replay.fp.models.registered") == "fp.models.registered"
    assert original_subject("fp.models.registered") == "fp.models.registered"


@pytest.mark.parametrize("name", ["Billing", "billing.x", "", "9x", "a b", "*"])
def test_a_name_that_does_not_fit_into_a_subject_is_none(name):
    assert not is_name(name)
