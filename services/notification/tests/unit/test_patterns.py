import re

import pytest
from fp_kernel import InvalidArgument
from fp_notification.domain.patterns import as_regex, check_pattern, matches, meets
from hypothesis import given
from hypothesis import strategies as st

TOKENS = st.sampled_from(["models", "drift", "failed", "a_b"])
TYPES = st.lists(TOKENS, min_size=1, max_size=4).map(lambda parts: ".".join(["fp", *parts]))
PARTS = st.lists(st.one_of(TOKENS, st.just("*")), min_size=0, max_size=3)
PATTERNS = st.builds(lambda parts, end: ".".join(["fp", *parts, end]), PARTS, st.one_of(TOKENS, st.just(">")))


@pytest.mark.parametrize(
    ("pattern", "event_type", "expected"),
    [
        ("fp.models.>", "fp.models.drift.detected", True),
        ("fp.models.>", "fp.models", False),
        ("fp.*.failed", "fp.pipelines.failed", True),
        ("fp.*.failed", "fp.pipelines.step.failed", False),
        ("fp.models.promoted", "fp.models.promoted", True),
        ("fp.models.promoted", "fp.models.promoted.again", False),
        ("fp.>", "fp.anything.new", True),
    ],
)
def test_patterns_match_as_in_nats(pattern, event_type, expected):
    assert matches(pattern, event_type) is expected


@pytest.mark.parametrize(
    "bad", ["", "models.>", "fp", "fp.", "fp.>.x", "fp.mod*", "fp.a b", "fp..x", "FP.x", "fp.*'--"]
)
def test_what_is_no_pattern_is_refused_by_name(bad):
    with pytest.raises(InvalidArgument) as caught:
        check_pattern(bad, "patterns[2]")
    assert caught.value.fields[0].field == "patterns[2]"


@given(PATTERNS, TYPES)
def test_the_regular_expression_of_a_pattern_matches_what_the_pattern_does(pattern, event_type):
    assert bool(re.search(as_regex(pattern), event_type)) is matches(pattern, event_type)


@given(PATTERNS, PATTERNS, TYPES)
def test_patterns_that_match_one_type_meet(one, other, event_type):
    if matches(one, event_type) and matches(other, event_type):
        assert meets(one, other)
        assert meets(other, one)
